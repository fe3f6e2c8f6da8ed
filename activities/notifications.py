"""Mail to customers: each planned notification once, from the facts as they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from temporalio import activity

from adapters.mail import (
    MailFacts,
    MailLine,
    MailPayment,
    MailReturn,
    MailShipment,
    MailSubstitute,
    MailTender,
    MailTotals,
    Milestone,
    message_id,
    render,
)
from db import expected, notifications, returns, substitutes, timeline, voices
from db.pool import Pool
from domain.errors import MailRejected
from domain.money import Money
from domain.notices import notification_id
from domain.ports import Email, Mailer
from domain.states import OfferStatus


@dataclass(frozen=True, slots=True)
class Shop:
    """What every mail says of its sender. `page` is where customers follow their orders.

    Dates are shown in `time_zone` (an IANA name); `contact` is an address customers may write to.
    """

    name: str
    sender: str
    page: str
    payment_expiry: timedelta
    return_window: timedelta
    time_zone: str = "UTC"
    contact: str = ""


class NotificationActivities:
    """Writes and sends the mails that were planned with their milestones."""

    def __init__(self, pool: Pool, mailer: Mailer, shop: Shop) -> None:
        self._pool = pool
        self._mailer = mailer
        self._shop = shop

    @activity.defn
    async def send_notification(self, notification_id: str) -> str:
        """Send a planned notification unless it was sent; answers how it ended.

        The message id is made from the order and the milestone, so that a mail that is handed
        over twice (the process died in between) is the same mail to every server that compares.
        """
        row = await notifications.load(self._pool, notification_id)
        if row is None or row["status"] != "pending":
            return row["status"] if row else "unplanned"
        if not row["email"]:
            return await self._settle(row, "skipped", "no_address")
        if await self._is_idle_question(row):
            return await self._settle(row, "skipped", "offer_over")
        email = await self._write(row)
        try:
            await self._mailer.send(email)
        except MailRejected:
            return await self._settle(row, "failed", "mail_rejected")
        return await self._settle(row, "sent", None)

    @activity.defn
    async def ask_for_feedback(self, order_id: str) -> str:
        """Ask the customer how it was, once, unless something was said meanwhile."""
        async with self._pool.acquire() as conn, conn.transaction():
            if await voices.has_feedback(conn, order_id):
                return "answered"
            await notifications.plan(conn, order_id, Milestone.FEEDBACK_REQUEST)
        return await self.send_notification(notification_id(order_id, Milestone.FEEDBACK_REQUEST))

    async def _is_idle_question(self, row: Mapping[str, Any]) -> bool:
        """Whether it would ask about a substitute that was answered for, or withdrawn."""
        if row["milestone"] != Milestone.SUBSTITUTE_OFFERED:
            return False
        offer = await substitutes.told(self._pool, row["subject"])
        return offer is None or offer["status"] != OfferStatus.OFFERED

    async def _settle(self, row: Mapping[str, Any], status: str, reason: str | None) -> str:
        async with self._pool.acquire() as conn, conn.transaction():
            if not await notifications.settle(conn, row["id"], status, reason):
                return status
            data = {"milestone": row["milestone"], "subject": row["subject"]}
            if reason:
                data["reason"] = reason
            await timeline.record(conn, row["order_id"], f"notification_{status}", data=data)
        return status

    async def _write(self, row: Mapping[str, Any]) -> Email:
        facts = await self._facts(row)
        mail = render(row["milestone"], row["locale"], facts)
        return Email(
            message_id=message_id(
                row["number"],
                row["milestone"],
                row["subject"] or row["order_id"],
                self._shop.sender,
            ),
            to=row["email"],
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            language=mail.language,
        )

    async def _facts(self, row: Mapping[str, Any]) -> MailFacts:
        milestone = Milestone(row["milestone"])
        # Of a parcel that is settled in parts, each part has its mail.
        parcel = row["subject"].partition(":")[0] if milestone in _PARCEL else ""
        data, currency, order_id = row["data"], row["currency"], row["order_id"]
        lines, taken_out = await self._lines(row, parcel)
        goods_back, shipments = None, await self._shipments(order_id, parcel)
        if milestone in _RETURNS:
            goods_back, lines, shipments = await self._return(row)
        return MailFacts(
            shop_name=self._shop.name,
            order_number=row["number"],
            customer_name=row["name"] or "",
            tracking_page_url=f"{self._shop.page}/track/{row['public_token']}"
            if row["public_token"]
            else "",
            time_zone=self._shop.time_zone,
            contact=self._shop.contact,
            goods_back=goods_back,
            lines=lines,
            partial=await self._is_partial(row, milestone, sum(line.quantity for line in lines)),
            totals=_totals(row),
            shipments=shipments,
            payment=self._payment(row) if milestone in _MONEY_WANTED else None,
            waiting=data.get("waiting", True),
            taken_out=taken_out,
            expected_at=await self._expected(row, milestone),
            substitute=await self._substitute(row, milestone),
            return_until=datetime.now(UTC) + self._shop.return_window
            if milestone is Milestone.DELIVERED
            else None,
            reason=_REASONS.get(data.get("reason") or row["cancel_reason"] or "", ""),
            new_total=Money(data["total"], currency)
            if milestone is Milestone.ORDER_CHANGED
            else None,
            refunded=Money(data["amount"], currency) if milestone is Milestone.REFUNDED else None,
            store_credit=data.get("store_credit", False),
            tenders=tuple(
                MailTender(kind, Money(amount, currency))
                for kind, amount in data.get("tenders", ())
            ),
            fee=Money(data["fee"], currency) if "fee" in data else None,
        )

    async def _lines(
        self, row: Mapping[str, Any], parcel: str
    ) -> tuple[tuple[MailLine, ...], tuple[MailLine, ...]]:
        """The articles the mail is about: missing ones, those in the parcel, or all; and those
        that were taken out of the order beside them.
        """
        lines = await notifications.lines(self._pool, row["order_id"], parcel)
        missing: Mapping[str, int] | None = row["data"].get("units")
        if missing is not None:
            return _some(lines, missing), _some(lines, row["data"].get("taken_out", {}))
        currency = row["currency"]
        return tuple(
            MailLine(x["name"], x["quantity"], Money(x["total"], currency)) for x in lines
        ), ()

    async def _return(
        self, row: Mapping[str, Any]
    ) -> tuple[MailReturn, tuple[MailLine, ...], tuple[MailShipment, ...]]:
        """A return, its articles (what came, as soon as something has; or what was rejected), and
        the parcel by which they go back to the customer.
        """
        async with self._pool.acquire() as conn:
            [known] = await returns.listed(conn, return_id=row["subject"])
        counted = _COUNTED.get(row["milestone"], "quantity")
        units = {x["line_id"]: x[counted] for x in known["lines"] or ()}
        lines = await notifications.lines(self._pool, row["order_id"])
        exchanged = known["wants"] == "exchange"
        told = MailReturn(known["number"], known["label_url"] or "", known["expires_at"], exchanged)
        back = known["back_label"] if row["milestone"] == Milestone.RETURN_SENT_BACK else None
        parcels: tuple[MailShipment, ...] = ()
        if back:
            url = back.get("tracking_url") or ""
            parcels = (MailShipment(back["carrier"], back["tracking_number"], url),)
        return told, _some(lines, {line_id: n for line_id, n in units.items() if n}), parcels

    async def _is_partial(self, row: Mapping[str, Any], milestone: Milestone, told: int) -> bool:
        """Whether the order has other articles beside those that the mail tells of."""
        data = row["data"]
        missing = milestone in (Milestone.OUT_OF_STOCK, Milestone.CANCELED) and "units" in data
        if not missing and milestone not in _PARCEL:
            return False
        live = await notifications.live_units(self._pool, row["order_id"])
        gone = milestone is Milestone.CANCELED or not data.get("waiting", True)
        return live > 0 if missing and gone else told < live

    async def _expected(self, row: Mapping[str, Any], milestone: Milestone) -> datetime | None:
        """The day by which articles that wait are there, as it is known now; it is remembered."""
        data = row["data"]
        if milestone is Milestone.EXPECTED_DATE_MOVED:
            told = data.get("expected_on")
            return self._noon(date.fromisoformat(told)) if told else None
        if milestone is not Milestone.OUT_OF_STOCK or not data.get("waiting", True):
            return None
        async with self._pool.acquire() as conn, conn.transaction():
            known = await expected.days(conn, [row["order_id"]])
            days = {line_id: known[line_id] for line_id in data["units"] if line_id in known}
            await expected.remember(conn, days)
        day = expected.last(days.values())
        return self._noon(day) if day else None

    def _noon(self, day: date) -> datetime:
        """A moment that is on this day where the shop is."""
        return datetime.combine(day, time(12), ZoneInfo(self._shop.time_zone))

    async def _substitute(
        self, row: Mapping[str, Any], milestone: Milestone
    ) -> MailSubstitute | None:
        if milestone is not Milestone.SUBSTITUTE_OFFERED:
            return None
        offer = await substitutes.told(self._pool, row["subject"])
        if offer is None:
            return None
        return MailSubstitute(
            offer["ordered_name"],
            offer["name"],
            offer["quantity"],
            offer["expires_at"],
            offer["note"] or "",
        )

    async def _shipments(self, order_id: str, parcel: str) -> tuple[MailShipment, ...]:
        return tuple(
            MailShipment(
                row["carrier"] or "",
                row["tracking_number"],
                row["tracking_url"] or "",
                row["estimated_at"],
            )
            for row in await notifications.shipments(self._pool, order_id, parcel)
        )

    def _payment(self, row: Mapping[str, Any]) -> MailPayment:
        placed: datetime = row["placed_at"]
        return MailPayment(
            amount=Money(row["data"].get("amount", row["grand_total"]), row["currency"]),
            pay_by=None if row["data"].get("any_time") else placed + self._shop.payment_expiry,
            reason=row["data"].get("reason", ""),
        )


def _some(lines: Sequence[Mapping[str, Any]], units: Mapping[str, int]) -> tuple[MailLine, ...]:
    return tuple(MailLine(x["name"], units[x["id"]]) for x in lines if x["id"] in units)


def _totals(row: Mapping[str, Any]) -> MailTotals:
    currency = row["currency"]
    return MailTotals(
        items=Money(row["subtotal"], currency),
        shipping=Money(row["shipping_total"], currency),
        total=Money(row["grand_total"], currency),
        discount=Money(row["discount_total"], currency),
        surcharge=Money(row["surcharge_total"], currency),
        tax=Money(row["tax_total"], currency),
        tax_included=row["prices_include_tax"],
    )


_PARCEL = frozenset(
    {
        Milestone.SHIPPED,
        Milestone.DELIVERED,
        Milestone.DELIVERY_ATTEMPTED,
        Milestone.DELIVERY_DELAYED,
        Milestone.PARCEL_REPLACED,
    }
)
_RETURNS = frozenset(
    {
        Milestone.RETURN_APPROVED,
        Milestone.RETURN_DECLINED,
        Milestone.RETURN_REMINDER,
        Milestone.RETURN_RECEIVED,
        Milestone.RETURN_SENT_BACK,
    }
)
# Which units of a return a mail is about; of others it is what was announced.
_COUNTED: dict[str, str] = {
    Milestone.RETURN_RECEIVED: "received",
    Milestone.RETURN_SENT_BACK: "rejected",
}
_MONEY_WANTED = frozenset(
    {Milestone.PAYMENT_PROBLEM, Milestone.PAYMENT_REMINDER, Milestone.EXCHANGE_SHORT}
)
# Reasons that a mail can put into words.
_REASONS = {
    "customer": "customer",
    "customer_request": "customer",
    "out_of_stock": "out_of_stock",
    "payment_expired": "payment_expired",
    "parcel_lost": "not_delivered",
    "parcel_returned": "not_delivered",
}
