"""Mail to customers: each planned notification once, from the facts as they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from adapters.mail import (
    MailFacts,
    MailLine,
    MailPayment,
    MailShipment,
    MailTotals,
    Milestone,
    message_id,
    render,
)
from db import notifications, timeline
from db.pool import Pool
from domain.errors import MailRejected
from domain.money import Money
from domain.ports import Email, Mailer


@dataclass(frozen=True, slots=True)
class Shop:
    """What every mail says of its sender. `page` is where customers follow their orders."""

    name: str
    sender: str
    page: str
    payment_expiry: timedelta


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
        email = await self._write(row)
        try:
            await self._mailer.send(email)
        except MailRejected:
            return await self._settle(row, "failed", "mail_rejected")
        return await self._settle(row, "sent", None)

    async def _settle(self, row: Mapping[str, Any], status: str, reason: str | None) -> str:
        async with self._pool.acquire() as conn, conn.transaction():
            await notifications.settle(conn, row["id"], status, reason)
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
        shipment = row["subject"] if milestone in _PARCEL else ""
        lines = await notifications.lines(self._pool, row["order_id"])
        missing = milestone is Milestone.OUT_OF_STOCK
        data, currency = row["data"], row["currency"]
        return MailFacts(
            shop_name=self._shop.name,
            order_number=row["number"],
            customer_name=row["name"] or "",
            tracking_page_url=f"{self._shop.page}/track/{row['public_token']}"
            if row["public_token"]
            else "",
            lines=tuple(
                MailLine(
                    line["name"],
                    line["backordered"] if missing else line["quantity"],
                    None if missing else Money(line["total"], currency),
                )
                for line in lines
                if not missing or line["backordered"]
            ),
            partial=missing and any(not line["backordered"] for line in lines),
            totals=_totals(row),
            shipments=tuple(
                MailShipment(
                    parcel["carrier"] or "",
                    parcel["tracking_number"],
                    parcel["tracking_url"] or "",
                    parcel["estimated_at"],
                )
                for parcel in await notifications.shipments(self._pool, row["order_id"], shipment)
            ),
            payment=self._payment(row) if milestone in _MONEY_WANTED else None,
            reason=_REASONS.get(row["cancel_reason"] or "", ""),
            refunded=Money(data["amount"], currency) if milestone is Milestone.REFUNDED else None,
        )

    def _payment(self, row: Mapping[str, Any]) -> MailPayment:
        placed: datetime = row["placed_at"]
        return MailPayment(
            amount=Money(row["data"].get("amount", row["grand_total"]), row["currency"]),
            pay_by=placed + self._shop.payment_expiry,
            reason=row["data"].get("reason", ""),
        )


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


_PARCEL = frozenset({Milestone.SHIPPED, Milestone.DELIVERED})
_MONEY_WANTED = frozenset({Milestone.PAYMENT_PROBLEM, Milestone.PAYMENT_REMINDER})
# Reasons that a mail can put into words.
_REASONS = {
    "customer": "customer",
    "customer_request": "customer",
    "out_of_stock": "out_of_stock",
    "payment_expired": "payment_expired",
}
