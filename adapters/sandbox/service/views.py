"""Rows of the ledger as the JSON that the service answers with."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.sandbox.service.store import Store

Json = dict[str, Any]


def money(amount: int, currency: str) -> Json:
    """An amount in minor units, as API.md writes money."""
    return {"amount": amount, "currency": currency}


def operation(row: sqlite3.Row, currency: str) -> Json:
    """One operation on a payment."""
    return {
        "id": row["id"],
        "key": row["key"],
        "kind": row["kind"],
        "status": row["status"],
        "reason": row["reason"],
        "amount": money(row["amount"], currency),
        "created_at": row["created_at"],
    }


def payments(store: Store, rows: Sequence[sqlite3.Row]) -> list[Json]:
    """Payments with their captures and refunds, in the order of `rows`."""
    taken: Mapping[str, list[sqlite3.Row]] = _operations(store, [row["id"] for row in rows])
    return [_payment(row, taken[row["id"]]) for row in rows]


def payment(store: Store, row: sqlite3.Row) -> Json:
    """One payment with its captures and refunds."""
    return payments(store, [row])[0]


def parcels(store: Store, rows: Sequence[sqlite3.Row]) -> list[Json]:
    """Parcels with their scans, in the order of `rows`."""
    scans: dict[str, list[Json]] = defaultdict(list)
    numbers = [row["tracking_number"] for row in rows]
    # The marks are question marks only, as many as there are numbers.
    query = f"SELECT * FROM scans WHERE tracking_number IN ({_marks(numbers)}) ORDER BY seq"  # noqa: S608
    for row in store.rows(query, *numbers):
        scans[row["tracking_number"]].append(scan(row))
    return [label(row) | {"scans": scans[row["tracking_number"]]} for row in rows]


def label(row: sqlite3.Row, base_url: str = "") -> Json:
    """A bought label; without a base its addresses are relative to the service."""
    return {
        "id": row["id"],
        "order": row["order_ref"],
        "shipment": row["shipment_ref"],
        "carrier": "sandbox",
        "service": row["service"],
        "status": row["status"],
        "tracking_number": row["tracking_number"],
        "tracking_url": f"{base_url}/track/{row['tracking_number']}",
        "label_url": f"{base_url}/labels/{row['id']}/print",
        "amount": money(row["cost"], row["currency"]),
        "currency": row["currency"],
        "weight_g": row["weight_g"],
        "estimated_at": row["estimated_at"],
        "created_at": row["created_at"],
        "handed_over_at": row["handed_over_at"],
        "voided_at": row["voided_at"],
    }


def scan(row: sqlite3.Row) -> Json:
    """One scan of a parcel."""
    return {
        "id": row["id"],
        "tracking_number": row["tracking_number"],
        "status": row["status"],
        "occurred_at": row["occurred_at"],
        "detail": row["detail"],
        "estimated_at": row["estimated_at"],
        "proof": json.loads(row["proof"]),
    }


def _payment(row: sqlite3.Row, operations: Iterable[sqlite3.Row]) -> Json:
    currency = row["currency"]
    done = [one for one in operations if one["status"] == "succeeded"]
    takes = {"capture", "authorize"} if row["takes_at_once"] else {"capture"}
    action = row["client_action"]
    return {
        "id": row["id"],
        "order": row["order_ref"],
        "payment": row["payment_ref"],
        "method": row["method"],
        "status": row["status"],
        "reason": row["reason"],
        "amount": money(row["amount"], currency),
        "captured": money(row["captured"], currency),
        "refunded": money(row["refunded"], currency),
        "currency": currency,
        "captures_at_once": bool(row["takes_at_once"]),
        "client_action": json.loads(action) if action else None,
        "expires_at": row["expires_at"],
        "created_at": row["created_at"],
        "captures": [operation(one, currency) for one in done if one["kind"] in takes],
        "refunds": [operation(one, currency) for one in done if one["kind"] == "refund"],
    }


def _operations(store: Store, ids: Sequence[str]) -> Mapping[str, list[sqlite3.Row]]:
    found: dict[str, list[sqlite3.Row]] = defaultdict(list)
    query = f"SELECT * FROM operations WHERE payment_id IN ({_marks(ids)}) ORDER BY seq"  # noqa: S608
    for row in store.rows(query, *ids):
        found[row["payment_id"]].append(row)
    return found


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
