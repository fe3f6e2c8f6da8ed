"""The transition tables: complete, reachable, closed where they end; every step is taken."""

import re
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from domain.errors import IllegalTransition
from domain.states import (
    EXCHANGE,
    FULFILLMENT_ORDER,
    OFFER,
    OPERATION,
    ORDER,
    PAYMENT,
    PURCHASE,
    RESERVATION,
    RETURN,
    SHIPMENT,
    ExchangeStatus,
    FulfillmentOrderStatus,
    FulfillmentStatus,
    HoldReason,
    OfferStatus,
    OperationKind,
    OperationStatus,
    OrderStatus,
    PaymentStatus,
    PurchaseStatus,
    ReservationStatus,
    ReturnStage,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
    advance,
    may_advance,
    tracking_moves,
)

Machine = tuple[type[StrEnum], Mapping[Any, frozenset[Any]], set[StrEnum], set[StrEnum]]
T = TrackingStatus

# The enum, its table, where rows begin, and where they end.
MACHINES: dict[str, Machine] = {
    "order": (OrderStatus, ORDER, {OrderStatus.PENDING}, {
        OrderStatus.COMPLETED, OrderStatus.CANCELED, OrderStatus.EXPIRED,
    }),
    "payment": (PaymentStatus, PAYMENT, {PaymentStatus.PENDING}, {
        PaymentStatus.REFUNDED, PaymentStatus.VOIDED, PaymentStatus.FAILED,
    }),
    "fulfillment order": (
        FulfillmentOrderStatus,
        FULFILLMENT_ORDER,
        {
            FulfillmentOrderStatus.OPEN,
            FulfillmentOrderStatus.SCHEDULED,
            FulfillmentOrderStatus.ON_HOLD,
        },
        {FulfillmentOrderStatus.CLOSED, FulfillmentOrderStatus.CANCELLED},
    ),
    "shipment": (ShipmentStatus, SHIPMENT, {ShipmentStatus.PENDING, ShipmentStatus.PACKED}, {
        ShipmentStatus.DELIVERED, ShipmentStatus.CANCELED,
    }),
    "operation": (OperationStatus, OPERATION, {OperationStatus.REQUESTED}, {
        OperationStatus.SUCCEEDED, OperationStatus.FAILED,
    }),
    "reservation": (
        ReservationStatus,
        RESERVATION,
        {ReservationStatus.HELD, ReservationStatus.ALLOCATED, ReservationStatus.BACKORDERED},
        {ReservationStatus.CONSUMED, ReservationStatus.RELEASED, ReservationStatus.EXPIRED},
    ),
    "purchase order": (PurchaseStatus, PURCHASE, {PurchaseStatus.DRAFT}, {
        PurchaseStatus.CLOSED, PurchaseStatus.CANCELED,
    }),
    "return": (ReturnStage, RETURN, {ReturnStage.REQUESTED, ReturnStage.RECEIVED}, {
        ReturnStage.DECLINED, ReturnStage.CLOSED, ReturnStage.CANCELED, ReturnStage.EXPIRED,
    }),
    "exchange": (ExchangeStatus, EXCHANGE, {ExchangeStatus.PROMISED, ExchangeStatus.GRANTED}, {
        ExchangeStatus.FAILED, ExchangeStatus.WITHDRAWN,
    }),
    "offer": (OfferStatus, OFFER, {OfferStatus.OFFERED}, {
        OfferStatus.ACCEPTED, OfferStatus.REFUSED, OfferStatus.EXPIRED, OfferStatus.WITHDRAWN,
    }),
}  # fmt: skip

STEPS = [
    pytest.param(table, here, there, id=f"{name}: {here} to {there}")
    for name, (states, table, _, _) in MACHINES.items()
    for here, there in product(states, repeat=2)
]


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_has_a_row_and_can_be_reached(machine: Machine) -> None:
    states, table, starts, _ = machine
    assert set(table) == set(states)
    seen, queue = set(starts), deque(starts)
    while queue:
        for state in table[queue.popleft()] - seen:
            seen.add(state)
            queue.append(state)
    assert seen == set(states)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_leads_to_an_end_and_ends_lead_nowhere(machine: Machine) -> None:
    _, table, _, ends = machine
    assert {state for state in table if not table[state]} == ends
    leads = set(ends)
    while found := {s for s in table if table[s] & leads} - leads:
        leads |= found
    assert leads == set(table)


@pytest.mark.parametrize(("table", "here", "there"), STEPS)
def test_a_step_is_made_when_the_table_has_it_and_refused_when_not(
    table: Mapping[Any, frozenset[Any]], here: StrEnum, there: StrEnum
) -> None:
    allowed = there in table[here] or here is there
    assert may_advance(table, here, there) == allowed
    if allowed:
        assert advance(table, here, there) is there
    else:
        with pytest.raises(IllegalTransition, match=f"{here} does not lead to {there}"):
            advance(table, here, there)


def test_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ORDER[OrderStatus.COMPLETED] = frozenset()  # type: ignore[index]


@pytest.mark.parametrize(
    ("table", "column", "states"),
    [
        ("orders", "status", OrderStatus),
        ("orders", "payment_status", PaymentStatus),
        ("orders", "fulfillment_status", FulfillmentStatus),
        ("orders", "return_status", ReturnStatus),
        ("payments", "status", PaymentStatus),
        ("payment_operations", "status", OperationStatus),
        ("payment_operations", "kind", OperationKind),
        ("fulfillment_orders", "status", FulfillmentOrderStatus),
        ("shipments", "status", ShipmentStatus),
        ("reservations", "status", ReservationStatus),
        ("purchase_orders", "status", PurchaseStatus),
        ("substitution_offers", "status", OfferStatus),
        ("returns", "status", ReturnStage),
        ("holds", "reason", HoldReason),
    ],
)
def test_the_schema_allows_the_same_states_as_the_domain(
    table: str, column: str, states: type[StrEnum]
) -> None:
    schema = "".join(
        file.read_text()
        for file in sorted((Path(__file__).parents[2] / "db" / "migrations").glob("*.sql"))
    )
    body = schema.split(f"CREATE TABLE {table} (", 1)[1].split("\n);", 1)[0].split("\n) WITH", 1)[0]
    found = re.search(
        rf"^\s+{column}\s[^(]*?CHECK \({column} IN \(([^)]*)\)\)", body, re.MULTILINE | re.DOTALL
    )
    assert found is not None, (table, column)
    assert set(re.findall(r"'([a-z_]+)'", found.group(1))) == {str(state) for state in states}


@pytest.mark.parametrize("news", [s for s in T if s is not T.DELIVERED])
@pytest.mark.parametrize("newer", [True, False])
def test_nothing_follows_a_delivery(news: TrackingStatus, *, newer: bool) -> None:
    assert not tracking_moves(T.DELIVERED, news, newer=newer)
    assert tracking_moves(news, T.DELIVERED, newer=newer)


@pytest.mark.parametrize(
    ("current", "news", "newer", "moves"),
    [
        (T.IN_TRANSIT, T.PRE_TRANSIT, True, False),
        (T.IN_TRANSIT, T.DELAYED, True, True),
        (T.IN_TRANSIT, T.DELAYED, False, False),
        (T.DELAYED, T.IN_TRANSIT, True, True),
        (T.ATTEMPTED_DELIVERY, T.OUT_FOR_DELIVERY, True, True),
        (T.ATTEMPTED_DELIVERY, T.OUT_FOR_DELIVERY, False, False),
        (T.OUT_FOR_DELIVERY, T.IN_TRANSIT, True, False),
        (T.PRE_TRANSIT, T.LOST, False, True),
        (T.LOST, T.DELIVERED, True, True),
        (T.RETURN_TO_SENDER, T.DELIVERED, False, True),
        (T.DELIVERED, T.DELIVERED, True, False),
        (T.UNKNOWN, T.UNKNOWN, True, False),
    ],
)
def test_old_and_backward_scans_change_nothing(
    current: TrackingStatus, news: TrackingStatus, *, newer: bool, moves: bool
) -> None:
    assert tracking_moves(current, news, newer=newer) == moves
