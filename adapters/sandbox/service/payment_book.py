"""The payment provider: what it does with authorizations, captures, voids and refunds."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from adapters.sandbox.service import settling, tokens, views
from adapters.sandbox.service.news import PAYMENTS_PATH, News
from adapters.sandbox.service.problems import Problem, key_reused, not_found
from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Clock, Schedule, fingerprint, new_id, text
from domain.states import OperationKind

CONFIRM_JOB = "confirm_payment"
EXPIRE_JOB = "expire_payment"


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What an authorization is asked for. `order` and `payment` are the shop's own ids."""

    order: str
    payment: str
    method: str
    amount: int
    currency: str
    token: str
    capture: bool
    return_url: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """An operation and the payment after it. `answer_lost` is true at most once for a key."""

    operation: sqlite3.Row
    payment: sqlite3.Row
    answer_lost: bool = False


class PaymentBook:
    """All payments. Every method is one transaction, and the same key has one effect."""

    def __init__(self, store: Store, news: News, schedule: Schedule, clock: Clock) -> None:
        self._store = store
        self._news = news
        self._schedule = schedule
        self._clock = clock

    def authorize(self, key: str, asked: NewPayment, public_url: str) -> Done:
        """Reserve or take an amount. `public_url` is where a customer reaches this service."""
        mark = fingerprint("authorize", asdict(asked))
        if known := self._known(key, mark):
            return known
        nature = tokens.behavior(asked.method, asked.token)
        self._stumble(key, nature.stumbles, tokens.TEMPORARY_FAILURE)
        with self._store.transaction():
            payment_id = self._open(asked, nature, public_url)
            refused = self._refusal(asked, nature)
            status = "failed" if refused else "action_required" if nature.waits else "succeeded"
            self._record(key, mark, "authorize", payment_id, asked.amount, status, refused)
            if refused:
                self._fail(payment_id, refused)
            elif nature.waits:
                self._await_customer(payment_id, nature)
            else:
                self._grant(payment_id)
            done = self._done(key)
            taken = done.payment["status"] == "captured"
            if taken or (nature.loses_answer and not refused):
                self._tell("payment.captured" if taken else "payment.authorized", done)
        return Done(done.operation, done.payment, answer_lost=nature.loses_answer)

    def settle(self, kind: OperationKind, payment_id: str, key: str, asked: settling.Asked) -> Done:
        """Capture, void or refund."""
        payment = self._existing(payment_id)
        mark = fingerprint(kind, payment["id"], asked.amount, asked.currency)
        if known := self._known(key, mark):
            return known
        if asked.currency not in (None, payment["currency"]):
            detail = f"The payment is in {payment['currency']}."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "currency_mismatch", detail)
        nature = tokens.behavior(payment["method"], payment["token"])
        self._stumble(key, nature.stumbles, tokens.TEMPORARY_FAILURE)
        if kind is OperationKind.REFUND:
            self._stumble(key, nature.refund_stumbles, tokens.REFUND_STUMBLE)
        with self._store.transaction():
            payment = self._expired_if_due(payment)
            refused = settling.refusal(kind, payment, nature, asked)
            amount = settling.amount(kind, payment, asked)
            status = "failed" if refused else "succeeded"
            self._record(key, mark, kind, payment["id"], amount, status, refused)
            if not refused:
                self._apply(kind, payment, amount)
            done = self._done(key)
            if not refused:
                self._tell(settling.EVENTS[kind], done)
        return done

    def confirm(self, payment_id: str, *, succeed: bool, occurred_at: datetime | None) -> Done:
        """The customer has acted at the bank, or given up."""
        payment = self._existing(payment_id)
        if payment["status"] != "action_required":
            code = f"payment_{payment['status']}"
            raise Problem(HTTPStatus.CONFLICT, code, "The payment does not wait for a customer.")
        moment = occurred_at or self._clock()
        with self._store.transaction():
            self._schedule.drop(payment["id"])
            if succeed:
                self._finish_authorization(payment["id"], "succeeded", "")
                self._grant(payment["id"])
            else:
                bank = payment["method"] == "bank_transfer" and not payment["token"]
                reason = "transfer_not_received" if bank else "authentication_failed"
                self._finish_authorization(payment["id"], "failed", reason)
                self._fail(payment["id"], reason)
            done = self._authorization(payment["id"])
            self._tell(f"payment.{done.payment['status']}", done, moment)
        return done

    def expire(self, payment_id: str, occurred_at: datetime | None = None) -> Done:
        """The authorization runs out; what was captured before stays."""
        payment = self._existing(payment_id)
        if payment["status"] not in ("authorized", "action_required"):
            code = f"payment_{payment['status']}"
            raise Problem(HTTPStatus.CONFLICT, code, "There is no open authorization to expire.")
        with self._store.transaction():
            return self._expire(payment, occurred_at or self._clock())

    def row(self, payment_id: str) -> sqlite3.Row:
        """One payment as the ledger has it."""
        return self._existing(payment_id)

    def view(self, payment_id: str) -> dict[str, Any]:
        """One payment as JSON."""
        return views.payment(self._store, self._existing(payment_id))

    def find(self, key: str) -> Done | None:
        """What was done with `key`."""
        operation = self._store.row("SELECT * FROM operations WHERE key = ?", key)
        return Done(operation, self._existing(operation["payment_id"])) if operation else None

    # Within a transaction.

    def _open(self, asked: NewPayment, nature: tokens.Behavior, public_url: str) -> str:
        payment_id = new_id("spay")
        # A bank does not reserve: what it transfers has arrived.
        at_once = asked.capture or asked.method == "bank_transfer"
        now = self._clock()
        expires = None
        if nature.expires and not at_once:
            life = self._schedule.in_life(tokens.AUTHORIZATION_LIFE)
            expires = text(now + life)
            self._schedule.add(EXPIRE_JOB, payment_id, life)
        action = self._action(payment_id, asked, public_url) if nature.waits else None
        self._store.write(
            """
            INSERT INTO payments (id, order_ref, payment_ref, method, token, currency, amount,
                status, takes_at_once, client_action, return_url, expires_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, 'action_required', ?, ?, ?, ?, ?)
            """,
            payment_id,
            asked.order,
            asked.payment,
            asked.method,
            asked.token,
            asked.currency,
            asked.amount,
            int(at_once),
            json.dumps(action) if action else None,
            asked.return_url,
            expires,
            text(now),
        )
        return payment_id

    @staticmethod
    def _action(payment_id: str, asked: NewPayment, public_url: str) -> dict[str, str]:
        if asked.token:
            return {
                "type": "redirect",
                "url": f"{public_url}/payments/{payment_id}/page",
            }
        return {
            "type": "bank_transfer",
            "bank": "Sandbox Bank",
            "account": "SB00 0000 0000 0000 0000 00",
            "reference": payment_id.rsplit("_", 1)[-1][-10:].upper(),
            "url": f"{public_url}/payments/{payment_id}/page",
        }

    @staticmethod
    def _refusal(asked: NewPayment, nature: tokens.Behavior) -> str:
        return nature.declined or (nature.capture_refused if asked.capture else "")

    def _await_customer(self, payment_id: str, nature: tokens.Behavior) -> None:
        if nature.customer_takes:
            self._schedule.add(CONFIRM_JOB, payment_id, nature.customer_takes)
        elif nature.bank_takes:
            self._schedule.add(CONFIRM_JOB, payment_id, self._schedule.in_life(nature.bank_takes))

    def _grant(self, payment_id: str) -> None:
        self._store.write(
            """
            UPDATE payments SET client_action = NULL,
                status = CASE WHEN takes_at_once THEN 'captured' ELSE 'authorized' END,
                captured = CASE WHEN takes_at_once THEN amount ELSE 0 END
            WHERE id = ?
            """,
            payment_id,
        )

    def _fail(self, payment_id: str, reason: str) -> None:
        self._store.write(
            """
            UPDATE payments SET status = 'failed', reason = ?, client_action = NULL,
                expires_at = NULL
            WHERE id = ?
            """,
            reason,
            payment_id,
        )
        self._schedule.drop(payment_id)

    def _expire(self, payment: sqlite3.Row, moment: datetime) -> Done:
        self._schedule.drop(payment["id"])
        self._store.write(
            """
            UPDATE payments SET status = 'expired', reason = 'authorization_expired',
                released = amount, client_action = NULL
            WHERE id = ?
            """,
            payment["id"],
        )
        self._finish_authorization(payment["id"], "failed", "authorization_expired")
        done = self._authorization(payment["id"])
        self._tell("payment.expired", done, moment)
        return done

    def _expired_if_due(self, payment: sqlite3.Row) -> sqlite3.Row:
        # The clockwork may be a moment late, or the process was down when it was due.
        due = self._store.value(
            "SELECT 1 FROM jobs WHERE ref = ? AND kind = ? AND due <= ?",
            payment["id"],
            EXPIRE_JOB,
            self._clock().timestamp(),
        )
        return self._expire(payment, self._clock()).payment if due else payment

    def _apply(self, kind: OperationKind, payment: sqlite3.Row, amount: int) -> None:
        self._store.write(settling.EFFECTS[kind], amount, payment["id"])
        if kind is OperationKind.VOID and payment["status"] == "action_required":
            self._finish_authorization(payment["id"], "failed", "payment_voided")
        if kind is not OperationKind.REFUND:
            # What is taken or given back does not run out, and waits for nobody.
            self._schedule.drop(payment["id"])

    def _finish_authorization(self, payment_id: str, status: str, reason: str) -> None:
        self._store.write(
            """
            UPDATE operations SET status = ?, reason = ?
            WHERE payment_id = ? AND kind = 'authorize'
            """,
            status,
            reason,
            payment_id,
        )

    def _record(  # noqa: PLR0913, PLR0917 - one argument for each column
        self,
        key: str,
        mark: str,
        kind: str,
        payment_id: str,
        amount: int,
        status: str,
        reason: str,
    ) -> None:
        self._store.write(
            """
            INSERT INTO operations
                (key, id, kind, payment_id, amount, status, reason, fingerprint, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            key,
            payment_id if kind == "authorize" else new_id("sop"),
            kind,
            payment_id,
            amount,
            status,
            reason,
            mark,
            text(self._clock()),
        )

    def _tell(self, event: str, done: Done, moment: datetime | None = None) -> None:
        payment, operation = done.payment, done.operation
        data = {
            "order": payment["order_ref"],
            "payment": payment["payment_ref"],
            "provider_payment": payment["id"],
            "captured": operation["kind"] == "authorize" and payment["status"] == "captured",
            "operation": views.operation(operation, payment["currency"]),
        }
        self._news.tell(PAYMENTS_PATH, new_id("evt"), event, moment or self._clock(), data)

    # Outside of one.

    def _known(self, key: str, mark: str) -> Done | None:
        done = self.find(key)
        if done and done.operation["fingerprint"] != mark:
            raise key_reused()
        return done

    def _stumble(self, key: str, times: int, code: str) -> None:
        stumbled = self._store.value("SELECT times FROM stumbles WHERE key = ?", key) or 0
        if stumbled >= times:
            return
        with self._store.transaction():
            self._store.write(
                """
                INSERT INTO stumbles (key, times) VALUES (?, 1)
                ON CONFLICT (key) DO UPDATE SET times = times + 1
                """,
                key,
            )
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, "Nothing was done; ask again.")

    def _done(self, key: str) -> Done:
        done = self.find(key)
        if done is None:
            message = "an operation was recorded and is not there"
            raise LookupError(message)
        return done

    def _authorization(self, payment_id: str) -> Done:
        key = self._store.value(
            "SELECT key FROM operations WHERE payment_id = ? AND kind = 'authorize'",
            payment_id,
        )
        return self._done(key)

    def _existing(self, payment_id: str) -> sqlite3.Row:
        """By our id, or by the shop's: then its newest payment."""
        row = self._store.row(
            """
            SELECT * FROM payments WHERE id = ?1 OR payment_ref = ?1
            ORDER BY seq DESC LIMIT 1
            """,
            payment_id,
        )
        if row is None:
            raise not_found("payment")
        return row
