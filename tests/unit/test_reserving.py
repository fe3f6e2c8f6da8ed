"""Who gets which units when several orders ask at once: fair, complete, and never too much."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.reserving import Ahead, Held, Request, Reserved, Wanted, reserve
from domain.sourcing import Allocation, Demand, Destination, Exclusion, Rules, Site, Source

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def request(
    name: str,
    *lines: Wanted,
    minute: int = 0,
    priority: int = 0,
    policy: str = "backorder",
    confirmed: bool = False,
    held: tuple[Held, ...] = (),
    to: str = "TR",
) -> Request:
    whereto = Destination(to)
    return Request(name, priority, at(minute), confirmed, policy, lines, held, whereto)


def want(name: str, sku: str, units: int, *, waiting: int = 0, policy: str | None = None) -> Wanted:
    return Wanted(name, sku, units, waiting, units + waiting, policy)


def serve(
    requests: list[Request], sources: list[Source], waiting: list[Ahead], **sites: Site
) -> list[Reserved]:
    """Under the rules of a new shop, at warehouses that ship everything unless told otherwise."""
    plain = {s.warehouse: Site(s.warehouse, country="TR", priority=s.priority) for s in sources}
    return reserve(requests, sources, waiting, plain | sites, Rules())


def by_order(answers: list[Reserved]) -> dict[str, Reserved]:
    return {answer.order_id: answer for answer in answers}


def test_the_urgent_order_is_served_before_the_one_that_came_first() -> None:
    answers = by_order(
        serve(
            [
                request("early", want("l1", "A", 1)),
                request("urgent", want("l2", "A", 1), minute=5, priority=9),
            ],
            [Source("MAIN", "A", 1, 1)],
            [],
        )
    )
    assert answers["urgent"].allocations == (Allocation("l2", "A", "MAIN", 1),)
    assert (answers["early"].outcome, answers["early"].queued) == (
        "waiting",
        (Demand("l1", "A", 1),),
    )


def test_units_somebody_ahead_waits_for_are_left_and_the_rest_is_taken() -> None:
    waiting = [Ahead("A", "before", 0, at(-5), 2), Ahead("A", "after", 0, at(5), 9)]
    (answer,) = serve([request("o", want("l", "A", 3))], [Source("MAIN", "A", 4, 1)], waiting)
    assert answer.allocations == (Allocation("l", "A", "MAIN", 2),)
    assert answer.queued == (Demand("l", "A", 1),)


def test_what_an_order_itself_waits_for_does_not_stand_in_its_way() -> None:
    (answer,) = serve(
        [request("o", want("l", "A", 1, waiting=2), minute=3)],
        [Source("MAIN", "A", 2, 1)],
        [Ahead("A", "o", 0, at(3), 2)],
    )
    assert answer.allocations == (Allocation("l", "A", "MAIN", 2),)
    assert (answer.served, answer.queued) == ({"l": 2}, (Demand("l", "A", 1),))


def test_units_that_were_waited_for_are_not_kept_for_those_who_just_got_theirs() -> None:
    # Five units for five who wait, and asked for in one batch.
    names = ["a", "b", "c", "d", "e"]
    answers = by_order(
        serve(
            [request(n, want(n, "A", 0, waiting=1), minute=i) for i, n in enumerate(names)],
            [Source("MAIN", "A", 5, 1)],
            [Ahead("A", n, 0, at(i), 1) for i, n in enumerate(names)],
        )
    )
    assert {name: answers[name].served for name in names} == {name: {name: 1} for name in names}


def test_what_is_left_of_an_order_that_got_a_part_is_still_waited_for() -> None:
    answers = by_order(
        serve(
            [
                request("a", want("l1", "A", 0, waiting=1), want("l2", "B", 0, waiting=3)),
                request("b", want("l3", "A", 1), want("l4", "B", 1), minute=1),
            ],
            [Source("MAIN", "A", 2, 1), Source("MAIN", "B", 2, 1)],
            [Ahead("A", "a", 0, at(0), 1), Ahead("B", "a", 0, at(0), 3)],
        )
    )
    assert answers["a"].served == {"l1": 1, "l2": 2}
    assert answers["b"].allocations == (Allocation("l3", "A", "MAIN", 1),)
    assert answers["b"].queued == (Demand("l4", "B", 1),)


def test_the_order_that_shall_be_canceled_for_want_of_stock_takes_nothing() -> None:
    lines = (want("l1", "A", 1), want("l2", "B", 1))
    answers = by_order(
        serve(
            [request("o1", *lines, policy="cancel"), request("o2", want("l3", "A", 1), minute=1)],
            [Source("MAIN", "A", 1, 1)],
            [],
        )
    )
    assert (answers["o1"].outcome, answers["o1"].allocations) == ("unavailable", ())
    assert answers["o2"].outcome == "allocated"


def test_a_confirmed_order_loses_the_missing_units_only() -> None:
    (answer,) = serve(
        [request("o", want("l", "A", 3), policy="cancel", confirmed=True)],
        [Source("MAIN", "A", 2, 1)],
        [],
    )
    assert (answer.outcome, answer.canceled) == ("allocated", (Demand("l", "A", 1),))


def test_a_line_goes_by_its_own_policy() -> None:
    lines = (want("l1", "A", 1, policy="cancel_lines"), want("l2", "B", 1, policy="substitute"))
    (answer,) = serve([request("o", *lines)], [], [])
    assert (answer.outcome, answer.canceled) == ("waiting", (Demand("l1", "A", 1),))
    assert answer.queued == (Demand("l2", "B", 1),)


def test_an_order_without_any_unit_left_has_nothing_to_do() -> None:
    (answer,) = serve([request("o", want("l", "A", 1), policy="cancel_lines")], [], [])
    assert answer.outcome == "unavailable"


def test_what_the_checkout_kept_is_the_orders_though_nothing_else_is_free() -> None:
    (answer,) = serve(
        [request("o", want("l", "A", 3), held=(Held("A", "WEST", 2),))],
        [Source("MAIN", "A", 1, 1), Source("WEST", "A", 0, 1)],
        [],
    )
    assert answer.from_hold == (Allocation("l", "A", "WEST", 2),)
    assert answer.allocations == (*answer.from_hold, Allocation("l", "A", "MAIN", 1))
    assert answer.outcome == "allocated"


NOT_ABROAD = Site("MAIN", country="TR", exclusions=(Exclusion(country="GR"),))


def test_what_the_checkout_kept_where_it_may_not_be_sent_from_is_sought_elsewhere() -> None:
    (answer,) = serve(
        [request("o", want("l", "A", 2), held=(Held("A", "MAIN", 2),), to="GR")],
        [Source("MAIN", "A", 5, 1), Source("WEST", "A", 2, 1)],
        [],
        MAIN=NOT_ABROAD,
    )
    assert answer.from_hold == ()
    assert answer.allocations == (Allocation("l", "A", "WEST", 2),)
    assert [site["why"] for site in answer.decision["sites"]] == ["only_source", "excluded_country"]


def test_goods_are_not_left_to_those_ahead_who_may_not_have_them() -> None:
    greek = Ahead("A", "before", 0, at(-5), 2, "", Destination("GR"))
    for ahead, units in ((greek, 2), (replace(greek, destination=Destination("TR")), 1)):
        (answer,) = serve(
            [request("o", want("l", "A", 2))], [Source("MAIN", "A", 3, 1)], [ahead], MAIN=NOT_ABROAD
        )
        assert answer.allocations == (Allocation("l", "A", "MAIN", units),)


SKUS = st.sampled_from("AB")
SHELVES = st.dictionaries(
    st.tuples(st.sampled_from(["EAST", "WEST"]), SKUS), st.integers(0, 9), max_size=4
)
ORDERS = st.lists(
    st.tuples(
        st.lists(st.tuples(SKUS, st.integers(1, 4)), min_size=1, max_size=3),
        st.integers(0, 2),
        st.sampled_from(["backorder", "cancel_lines", "cancel"]),
    ),
    max_size=8,
)


@given(SHELVES, ORDERS)
def test_nobody_gets_what_is_not_there_and_nobody_is_refused_what_is(
    shelves: dict[tuple[str, str], int], orders: list[tuple[list[tuple[str, int]], int, str]]
) -> None:
    requests = [
        request(
            f"o{n}",
            *(want(f"l{n}-{k}", sku, units) for k, (sku, units) in enumerate(lines)),
            minute=n,
            priority=priority,
            policy=policy,
        )
        for n, (lines, priority, policy) in enumerate(orders)
    ]
    sources = [Source(w, sku, units, 1) for (w, sku), units in sorted(shelves.items())]
    answers = serve(requests, sources, [])
    left = dict(shelves)
    for answer in answers:
        for a in answer.allocations:
            left[a.warehouse, a.sku] -= a.quantity
    assert all(units >= 0 for units in left.values())
    free = {sku: sum(n for (_, s), n in left.items() if s == sku) for sku in "AB"}
    for answer in answers:
        if answer.outcome != "unavailable" or answer.canceled:
            assert not any(free[demand.sku] for demand in answer.missing)
    for one, answer in zip(
        sorted(requests, key=lambda r: (-r.priority, r.since)), answers, strict=True
    ):
        assert one.order_id == answer.order_id
        if answer.outcome == "unavailable" and not answer.canceled:
            continue
        for line in one.lines:
            parts = (answer.allocations, answer.queued, answer.canceled)
            units = sum(x.quantity for part in parts for x in part if x.line_id == line.line_id)
            assert units == line.open
