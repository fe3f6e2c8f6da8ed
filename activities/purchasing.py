"""Purchase orders: the transactions that move one, each once per cause, and mail to suppliers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from temporalio import activity

from activities.contracts import Asked
from activities.purchase_contracts import Dates, PurchaseTask, Sending, SupplierMail, Trouble
from adapters.mail import message_id
from adapters.mail.message import mailbox_of
from adapters.mail.supplier import LetterKind, SupplierLetter, render_letter
from db import purchasing
from db.pool import Pool
from db.purchasing import By
from domain.ports import Attachment, Email, Mailer
from domain.purchase_csv import CsvLine, purchase_csv
from domain.purchasing import (
    BY_HAND,
    FAILED,
    LATE,
    MAIL_FAILED,
    PENDING,
    SENT,
    Purchase,
    after_delivery,
    can_approve,
    can_cancel,
    can_close,
    can_reschedule,
    can_send,
)
from domain.states import PurchaseStatus


class PurchaseActivities:
    """Steps in the database; each answers the purchase order as it stands after it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def approve_purchase(self, task: PurchaseTask) -> Purchase:
        """A draft becomes an order that may be sent."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if not step.done:
                can_approve(step.purchase)
                await step.record("purchase_order_approved", _by(task.by))
                await step.move(PurchaseStatus.APPROVED, _by(task.by))
            return await step.reload()

    @activity.defn
    async def begin_sending(self, task: Sending) -> Purchase:
        """It is given to the mail; what the buyer has sent by hand is with the supplier at once."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            can_send(step.purchase, by_hand=task.by_hand)
            conn, purchase = step.conn, step.purchase
            await purchasing.begin_sending(conn, purchase.id, BY_HAND if task.by_hand else PENDING)
            await purchasing.clear_attention(conn, purchase.id, MAIL_FAILED)
            if not task.by_hand:
                await step.record("purchase_order_sending", _by(task.by))
                return await step.reload()
            await step.record("purchase_order_sent", _by(task.by), {"by": "hand"})
            await step.move(PurchaseStatus.SENT)
            await purchasing.expect(conn, purchase, "sent")
            return await step.reload()

    @activity.defn
    async def record_sent(self, task: PurchaseTask) -> Purchase:
        """The mail went out: the supplier has it, and the goods are expected."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            conn, purchase = step.conn, step.purchase
            await purchasing.settle_sending(conn, purchase.id, SENT)
            await purchasing.clear_attention(conn, purchase.id, MAIL_FAILED)
            await step.record("purchase_order_sent", _by(task.by), {"by": "mail"})
            if purchase.status is PurchaseStatus.APPROVED:
                await step.move(PurchaseStatus.SENT)
                await purchasing.expect(conn, purchase, "sent")
            return await step.reload()

    @activity.defn
    async def record_mail_refused(self, task: PurchaseTask) -> Purchase:
        """The supplier's mail server said no for good: a person mends the address."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            await purchasing.settle_sending(step.conn, step.purchase.id, FAILED)
            detail = f"the mail was refused: {task.reason}"
            await purchasing.set_attention(step.conn, step.purchase.id, MAIL_FAILED, detail)
            await step.record("purchase_order_mail_refused", _by(task.by), {"reason": task.reason})
            return await step.reload()

    @activity.defn
    async def record_delivery(self, task: PurchaseTask) -> Purchase:
        """Goods came and stand in the lines: the status follows them, lateness may be over."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            conn, purchase = step.conn, step.purchase
            status = after_delivery(purchase)
            if status is not purchase.status:
                await step.record(f"purchase_order_{status}", By())
                if purchase.mail_status == PENDING and status is PurchaseStatus.CLOSED:
                    await purchasing.settle_sending(conn, purchase.id, None)
                if purchase.status is PurchaseStatus.APPROVED:
                    # It came before the mail had gone out: the supplier knows.
                    await purchasing.expect(conn, purchase, "sent")
                await step.move(status)
            return await step.reload()

    @activity.defn
    async def record_late(self, task: PurchaseTask) -> Purchase:
        """Its day has passed: shown to the buyer, and the supplier is reminded."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            conn, purchase = step.conn, step.purchase
            open_lines = [line for line in purchase.lines if line.open]
            if purchase.over or not open_lines:
                # The delivery that ends the lateness is written down already; its news is next.
                return purchase
            units = sum(line.open for line in open_lines)
            day = min(line.expected_on for line in open_lines)
            await purchasing.flag_late(conn, purchase.id)
            detail = f"{units} units of {len(open_lines)} items were expected from {day} on"
            await purchasing.set_attention(conn, purchase.id, LATE, detail)
            data = {"units": units, "expected_on": day, "reminder": purchase.reminders + 1}
            await step.record("purchase_order_late", By(), data)
            return await step.reload()

    @activity.defn
    async def record_on_time(self, task: PurchaseTask) -> Purchase:
        """What was late has come, or was given another day."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if not step.done and step.purchase.late:
                await purchasing.unflag_late(step.conn, step.purchase.id)
                await purchasing.clear_attention(step.conn, step.purchase.id, LATE)
                await step.record("purchase_order_on_time", By())
            return await step.reload()

    @activity.defn
    async def move_dates(self, task: Dates) -> Purchase:
        """The supplier named other days."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            can_reschedule(step.purchase, list(task.lines))
            days = {line_id: date.fromisoformat(day) for line_id, day in task.lines.items()}
            await purchasing.move_dates(step.conn, step.purchase.id, days)
            await step.record("purchase_order_rescheduled", _by(task.by), {"lines": task.lines})
            return await step.reload()

    @activity.defn
    async def cancel_purchase(self, task: PurchaseTask) -> Purchase:
        """Nothing of it will come."""
        return await self._end(task, PurchaseStatus.CANCELED)

    @activity.defn
    async def close_purchase(self, task: PurchaseTask) -> Purchase:
        """What came stays, the rest will not come."""
        return await self._end(task, PurchaseStatus.CLOSED)

    async def _end(self, task: PurchaseTask, status: PurchaseStatus) -> Purchase:
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if step.done:
                return step.purchase
            (can_cancel if status is PurchaseStatus.CANCELED else can_close)(step.purchase)
            units = await purchasing.give_up(step.conn, step.purchase, str(status))
            data = {"units": units} | ({"reason": task.reason} if task.reason else {})
            await step.record(f"purchase_order_{status}", _by(task.by), data)
            await step.move(status, _by(task.by))
            return await step.reload()

    @activity.defn
    async def note_refusal(self, task: PurchaseTask) -> Purchase:
        """An operator's cancel that came too late."""
        async with purchasing.once(self._pool, task.purchase_id, task.cause) as step:
            if not step.done:
                data = {"code": task.reason}
                await step.record("purchase_order_cancel_refused", _by(task.by), data)
            return step.purchase

    @activity.defn
    async def tell_trouble(self, task: Trouble) -> Purchase:
        """It waits for a person."""
        async with self._pool.acquire() as conn, conn.transaction():
            await purchasing.lock(conn, task.purchase_id)
            purchase = await purchasing.load(conn, task.purchase_id)
            if not purchase.over:
                await purchasing.set_attention(conn, task.purchase_id, task.code, task.detail)
            return purchase


class SupplierMailActivities:
    """Mail to suppliers. `sender` and `shop_name` as in the mails to customers; `buyer` is the
    address that suppliers answer to.
    """

    def __init__(
        self, pool: Pool, mailer: Mailer, *, sender: str, shop_name: str, buyer: str
    ) -> None:
        self._pool = pool
        self._mailer = mailer
        self._sender = sender
        self._shop_name = shop_name
        # An address that is none is refused when the worker starts, not with every mail.
        self._buyer = mailbox_of(buyer) if buyer else ""

    @activity.defn
    async def mail_supplier(self, task: SupplierMail) -> str:
        """Send one mail; answers `sent` or `no_address`.

        The message's id comes from order, kind and number: handed over twice, it is the same mail
        to every server that compares. Raises what the mailer raises.
        """
        kind = LetterKind(task.kind)
        head, lines = await purchasing.letter(
            self._pool, task.purchase_id, open_only=kind is not LetterKind.CANCELLATION
        )
        if not head["email"]:
            return "no_address"
        letter = SupplierLetter(
            kind=kind,
            number=head["number"],
            shop_name=self._shop_name,
            supplier_name=head["supplier_name"],
            deliver_to=_address(head),
            buyer=self._buyer,
            lines=lines,
            repeated=task.number > 1,
        )
        mail = render_letter(letter, head["locale"])
        await self._mailer.send(
            Email(
                message_id=message_id(head["number"], kind, str(task.number), self._sender),
                to=head["email"],
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                language=mail.language,
                reply_to=self._buyer,
                attachments=() if kind is LetterKind.CANCELLATION else (_table(head, lines),),
            )
        )
        return "sent"


def _table(head: Mapping[str, Any], lines: Sequence[CsvLine]) -> Attachment:
    text = purchase_csv(head["number"], head["warehouse"], lines)
    return Attachment(f"{head['number']}.csv", "text/csv", text.encode())


def _address(head: Mapping[str, Any]) -> str:
    """Where the goods are to be brought, on one line."""
    town = f"{head['postal_code']} {head['city']}".strip()
    parts = (head["warehouse_name"], head["line1"], town, head["country"])
    return ", ".join(part for part in parts if part)


def _by(asked: Asked) -> By:
    return By(asked.actor, asked.role)
