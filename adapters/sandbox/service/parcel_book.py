"""The carrier: labels, hand-over, and the scans of parcels on their way."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus

from adapters.sandbox.service.journeys import (
    DETAILS,
    INTERCEPTED,
    JOURNEYS,
    PROMISE,
    STOPPABLE,
    ending,
    price_minor,
)
from adapters.sandbox.service.news import CARRIERS_PATH, News
from adapters.sandbox.service.problems import Problem, key_reused, not_found
from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Clock, Schedule, fingerprint, new_id, text
from adapters.sandbox.service.views import Json, scan
from domain.money import exponent
from domain.states import TrackingStatus

MOVE_JOB = "move_parcel"
MANUAL_SERVICE = "manual"
_TRACKING_DIGITS = 15


@dataclass(frozen=True, slots=True)
class NewLabel:
    """What a label is asked for. `order` and `shipment` are the shop's own ids."""

    order: str
    shipment: str
    service: str
    destination: Mapping[str, str]
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    currency: str


@dataclass(frozen=True, slots=True)
class Told:
    """A scan that somebody tells the carrier to have made; None takes what is usual."""

    status: TrackingStatus
    occurred_at: datetime | None = None
    location: str | None = None
    signed_by: str | None = None


class ParcelBook:
    """All parcels. Every method is one transaction."""

    def __init__(self, store: Store, news: News, schedule: Schedule, clock: Clock) -> None:
        self._store = store
        self._news = news
        self._schedule = schedule
        self._clock = clock

    def buy(self, key: str, asked: NewLabel) -> sqlite3.Row:
        """A label; the same key gives the same one."""
        mark = fingerprint("label", asdict(asked))
        known = self.find(key)
        if known:
            if known["fingerprint"] != mark:
                raise key_reused()
            return known
        with self._store.transaction():
            number = self._insert(key, mark, asked)
            self._scan(self.parcel(number), Told(TrackingStatus.PRE_TRANSIT), tell=False)
            return self.parcel(number)

    def find(self, key: str) -> sqlite3.Row | None:
        """The label bought with `key`."""
        return self._store.row("SELECT * FROM parcels WHERE key = ?", key)

    def hand_over(self, label_id: str) -> sqlite3.Row:
        """The carrier has the parcel now, and it begins to move; twice is once."""
        parcel = self.label(label_id)
        if parcel["voided_at"]:
            raise Problem(HTTPStatus.CONFLICT, "label_voided", "The label was voided.")
        if parcel["handed_over_at"] is None:
            with self._store.transaction():
                self._receive(parcel["id"], "handed_over")
                if parcel["moves_itself"]:
                    self._schedule_step(parcel, 0)
        return self.label(label_id)

    def void(self, label_id: str) -> sqlite3.Row:
        """Take an unused label back; twice is once."""
        parcel = self.label(label_id)
        if parcel["handed_over_at"]:
            raise Problem(HTTPStatus.CONFLICT, "already_handed_over", "The parcel is on its way.")
        if parcel["voided_at"] is None:
            with self._store.transaction():
                self._store.write(
                    "UPDATE parcels SET voided_at = ?, status = 'voided' WHERE id = ?",
                    text(self._clock()),
                    label_id,
                )
        return self.label(label_id)

    def intercept(self, label_id: str) -> sqlite3.Row:
        """Stop the parcel and bring it back, until it is out for delivery; twice is once."""
        parcel = self.label(label_id)
        if parcel["ending"] == INTERCEPTED:
            return parcel
        if parcel["status"] not in STOPPABLE:
            detail = f"The parcel is {parcel['status']}."
            raise Problem(HTTPStatus.CONFLICT, "cannot_be_intercepted", detail)
        with self._store.transaction():
            self._schedule.drop(parcel["tracking_number"])
            self._store.write("UPDATE parcels SET ending = ? WHERE id = ?", INTERCEPTED, label_id)
            if parcel["moves_itself"] and parcel["handed_over_at"]:
                self._schedule_step(self.label(label_id), 0)
        return self.label(label_id)

    def advance(self, tracking_number: str, told: Told) -> Json:
        """Scan a parcel because somebody says so; from now on it moves only when told."""
        parcel = self.parcel(tracking_number)
        if parcel["voided_at"]:
            raise Problem(HTTPStatus.CONFLICT, "label_voided", "The label was voided.")
        with self._store.transaction():
            self._schedule.drop(tracking_number)
            self._store.write("UPDATE parcels SET moves_itself = 0 WHERE id = ?", parcel["id"])
            if parcel["handed_over_at"] is None and told.status is not TrackingStatus.PRE_TRANSIT:
                # Whatever was scanned is in the carrier's hands.
                self._receive(parcel["id"], "handed_over")
            return self._scan(parcel, told, tell=True)

    def move(self, tracking_number: str, step: int) -> None:
        """The parcel makes step `step` of its journey. Part of the clockwork's transaction."""
        parcel = self.parcel(tracking_number)
        journey = JOURNEYS[parcel["ending"]]
        if not parcel["moves_itself"] or step >= len(journey):
            return
        self._scan(parcel, Told(journey[step].status), tell=True)
        self._schedule_step(parcel, step + 1)

    def scans(self, tracking_number: str) -> list[Json]:
        """All scans so far, in the order of their own times."""
        self.parcel(tracking_number)
        rows = self._store.rows(
            "SELECT * FROM scans WHERE tracking_number = ? ORDER BY occurred_at, seq",
            tracking_number,
        )
        return [scan(row) for row in rows]

    def label(self, label_id: str) -> sqlite3.Row:
        """The label with this id."""
        row = self._store.row("SELECT * FROM parcels WHERE id = ?", label_id)
        if row is None:
            raise not_found("label")
        return row

    def parcel(self, tracking_number: str) -> sqlite3.Row:
        """The parcel with this tracking number."""
        row = self._store.row("SELECT * FROM parcels WHERE tracking_number = ?", tracking_number)
        if row is None:
            raise not_found("parcel")
        return row

    # Within a transaction.

    def _insert(self, key: str, mark: str, asked: NewLabel) -> str:
        number = "SBX" + str(secrets.randbelow(10**_TRACKING_DIGITS)).zfill(_TRACKING_DIGITS)
        moves_itself = self._schedule.speed > 0 and asked.service != MANUAL_SERVICE
        now = self._clock()
        # Of a parcel whose steps somebody dictates there is nothing to promise.
        promised = asked.service != MANUAL_SERVICE
        self._store.write(
            """
            INSERT INTO parcels (id, key, fingerprint, order_ref, shipment_ref, tracking_number,
                service, destination, ending, weight_g, cost, currency, moves_itself, status,
                estimated_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'purchased', ?, ?)
            """,
            new_id("slbl"),
            key,
            mark,
            asked.order,
            asked.shipment,
            number,
            asked.service,
            json.dumps(dict(asked.destination)),
            ending(asked.destination["postal_code"]),
            asked.weight_g,
            price_minor(asked.weight_g, exponent(asked.currency)),
            asked.currency,
            int(moves_itself),
            text(now + self._schedule.in_life(PROMISE)) if promised else None,
            text(now),
        )
        return number

    def _receive(self, label_id: str, status: str) -> None:
        self._store.write(
            "UPDATE parcels SET handed_over_at = ?, status = ? WHERE id = ?",
            text(self._clock()),
            status,
            label_id,
        )

    def _schedule_step(self, parcel: sqlite3.Row, step: int) -> None:
        journey = JOURNEYS[parcel["ending"]]
        if step < len(journey):
            delay = self._schedule.in_life(journey[step].after)
            self._schedule.add(MOVE_JOB, parcel["tracking_number"], delay, step)

    def _scan(self, parcel: sqlite3.Row, told: Told, *, tell: bool) -> Json:
        number = parcel["tracking_number"]
        moment = told.occurred_at or self._clock()
        estimate = self._estimate(parcel, told.status, moment)
        scan_id = new_id("evt")
        self._store.write(
            """
            INSERT INTO scans
                (id, tracking_number, status, occurred_at, detail, estimated_at, proof)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            scan_id,
            number,
            told.status,
            text(moment),
            told.location or DETAILS[told.status],
            estimate,
            json.dumps(_proof(parcel, told)),
        )
        if told.status is not TrackingStatus.PRE_TRANSIT:
            # A late scan does not undo a delivery.
            self._store.write(
                """
                UPDATE parcels SET status = ?, estimated_at = ?
                WHERE tracking_number = ? AND status <> 'delivered'
                """,
                told.status,
                estimate,
                number,
            )
        row = self._store.row("SELECT * FROM scans WHERE id = ?", scan_id)
        if row is None:
            message = "a scan was recorded and is not there"
            raise LookupError(message)
        made = scan(row)
        if tell:
            data = made | {
                "order": parcel["order_ref"],
                "shipment": parcel["shipment_ref"],
            }
            self._news.tell(CARRIERS_PATH, scan_id, "parcel.scan", moment, data)
        return made

    def _estimate(
        self, parcel: sqlite3.Row, status: TrackingStatus, moment: datetime
    ) -> str | None:
        estimate: str | None = parcel["estimated_at"]
        if status is TrackingStatus.DELAYED and estimate is not None:
            return text(moment + self._schedule.in_life(PROMISE))
        return estimate


def _proof(parcel: sqlite3.Row, told: Told) -> dict[str, str]:
    if told.status is not TrackingStatus.DELIVERED:
        return {}
    destination = json.loads(parcel["destination"])
    return {
        "signed_by": told.signed_by or destination["name"],
        "location": told.location or DETAILS[TrackingStatus.DELIVERED],
    }
