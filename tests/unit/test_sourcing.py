"""Which warehouse ships what: complete, within what is there, and in few parcels."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.sourcing import Allocation, Demand, Plan, Source, plan, ration

SKUS = st.sampled_from(["A", "B", "C"])
PRIORITIES = {"EAST": 1, "MAIN": 2, "WEST": 2}

demands = st.lists(st.tuples(SKUS, st.integers(1, 9)), max_size=6).map(
    lambda found: [Demand(f"lin_{n}", sku, units) for n, (sku, units) in enumerate(found)]
)
sources = st.dictionaries(
    st.tuples(st.sampled_from(sorted(PRIORITIES)), SKUS), st.integers(-3, 12), max_size=9
).map(lambda found: [Source(w, sku, n, PRIORITIES[w]) for (w, sku), n in sorted(found.items())])


def only(*allocations: tuple[str, str, str, int]) -> Plan:
    return Plan(tuple(Allocation(*a) for a in allocations), ())


def test_one_warehouse_that_has_all_sends_one_parcel() -> None:
    found = plan(
        [Demand("l1", "A", 2), Demand("l2", "B", 1)],
        [Source("EAST", "A", 9, 1), Source("MAIN", "A", 2, 2), Source("MAIN", "B", 1, 2)],
    )
    assert found == only(("l1", "A", "MAIN", 2), ("l2", "B", "MAIN", 1))


def test_between_equals_the_preferred_one_serves_and_then_the_first_by_name() -> None:
    wanted = [Demand("l1", "A", 1)]
    assert plan(wanted, [Source("WEST", "A", 1, 2), Source("EAST", "A", 1, 1)]) == only(
        ("l1", "A", "EAST", 1)
    )
    assert plan(wanted, [Source("WEST", "A", 1, 2), Source("MAIN", "A", 1, 2)]) == only(
        ("l1", "A", "MAIN", 1)
    )


def test_an_order_is_split_when_nobody_has_all() -> None:
    found = plan([Demand("l1", "A", 5)], [Source("EAST", "A", 2, 1), Source("MAIN", "A", 4, 2)])
    assert found == only(("l1", "A", "MAIN", 4), ("l1", "A", "EAST", 1))


def test_lines_of_one_item_share_its_stock() -> None:
    found = plan([Demand("l1", "A", 2), Demand("l2", "A", 2)], [Source("MAIN", "A", 3, 1)])
    assert found.allocations == (
        Allocation("l1", "A", "MAIN", 2),
        Allocation("l2", "A", "MAIN", 1),
    )
    assert found.missing == (Demand("l2", "A", 1),)


def test_an_item_nobody_knows_is_missing() -> None:
    assert plan([Demand("l1", "A", 2)], []) == Plan((), (Demand("l1", "A", 2),))
    assert plan([], [Source("MAIN", "A", 3, 1)]) == Plan((), ())


@given(demands, sources)
def test_a_plan_serves_all_that_can_be_served_and_not_a_unit_more(
    wanted: list[Demand], stock: list[Source]
) -> None:
    found = plan(wanted, stock)
    given_, taken = Counter[str](), Counter[tuple[str, str]]()
    for a in found.allocations:
        assert a.quantity > 0
        given_[a.line_id] += a.quantity
        taken[a.warehouse, a.sku] += a.quantity
    missing = Counter({d.line_id: d.quantity for d in found.missing})
    assert given_ + missing == Counter({d.line_id: d.quantity for d in wanted})
    there = Counter({(s.warehouse, s.sku): max(0, s.available) for s in stock})
    assert taken <= there
    for d in found.missing:
        left = sum(n - taken[w, sku] for (w, sku), n in there.items() if sku == d.sku)
        assert left == 0
    assert plan(wanted, list(reversed(stock))) == found


@given(sources, st.dictionaries(SKUS, st.integers(0, 20)))
def test_those_who_wait_for_longer_keep_what_was_promised_to_them(
    stock: list[Source], promised: dict[str, int]
) -> None:
    left = ration(stock, promised)
    assert {(s.warehouse, s.sku) for s in left} == {(s.warehouse, s.sku) for s in stock}
    for sku in "ABC":
        before = sum(max(0, s.available) for s in stock if s.sku == sku)
        after = sum(max(0, s.available) for s in left if s.sku == sku)
        assert after == max(0, before - promised.get(sku, 0))


def test_the_least_preferred_shelf_is_kept_for_those_who_wait() -> None:
    stock = [Source("EAST", "A", 2, 1), Source("MAIN", "A", 2, 2)]
    assert sorted(ration(stock, {"A": 3}), key=lambda s: s.priority) == [
        Source("EAST", "A", 1, 1),
        Source("MAIN", "A", 0, 2),
    ]
