"""Walks and sharing out: which order gets which units of which place."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.counting import Tolerance
from domain.picking import Need, Part, Spot, Stop, share, walk


def test_a_stop_serves_all_orders_that_want_its_item() -> None:
    needs = [Need("w1", 1, "l1", "A", 2), Need("w2", 2, "l2", "A", 3)]
    stops = walk(needs, [Spot("A", "A-01", "", 10, 9)])
    assert stops == [Stop("A", "A-01", "", [Part("w1", 1, "l1", 2), Part("w2", 2, "l2", 3)])]
    assert stops[0].quantity == 5


def test_stops_come_in_walking_order_though_the_first_to_expire_is_taken_first() -> None:
    needs = [Need("w1", 1, "l1", "MILK", 5), Need("w1", 1, "l2", "A", 1)]
    spots = [
        Spot("MILK", "Z-09", "OLD", 90, 4),
        Spot("MILK", "A-01", "NEW", 10, 4),
        Spot("A", "M-05", "", 50, 1),
    ]
    walked = [(s.bin, s.lot, s.sku, s.quantity) for s in walk(needs, spots)]
    assert walked == [
        ("A-01", "NEW", "MILK", 1),
        ("M-05", "", "A", 1),
        ("Z-09", "OLD", "MILK", 4),
    ]


def test_what_no_bin_has_comes_last_without_one() -> None:
    stops = walk([Need("w1", 1, "l1", "A", 5)], [Spot("A", "A-01", "", 10, 2)])
    assert [(s.bin, s.quantity) for s in stops] == [("A-01", 2), ("", 3)]


_needs = st.lists(
    st.builds(
        Need,
        work_id=st.sampled_from("wxyz"),
        slot=st.integers(1, 4),
        line_id=st.uuids().map(str),
        sku=st.sampled_from("AB"),
        quantity=st.integers(1, 9),
    ),
    max_size=8,
)
_spots = st.lists(
    st.builds(
        Spot,
        sku=st.sampled_from("AB"),
        bin=st.uuids().map(str),
        lot=st.sampled_from(["", "L"]),
        sequence=st.integers(0, 50),
        quantity=st.integers(1, 9),
    ),
    max_size=8,
)


@given(_needs, _spots)
def test_everything_wanted_is_on_the_walk_and_no_spot_gives_more_than_it_has(
    needs: list[Need], spots: list[Spot]
) -> None:
    stops = walk(needs, spots)
    for need in needs:
        got = sum(p.quantity for s in stops for p in s.parts if p.line_id == need.line_id)
        assert got == need.quantity
    for spot in spots:
        taken = sum(s.quantity for s in stops if (s.sku, s.bin) == (spot.sku, spot.bin))
        assert taken <= spot.quantity
    order = {spot.bin: spot.sequence for spot in spots}
    walked = [order[s.bin] for s in stops if s.bin]
    assert walked == sorted(walked)
    assert not any(later.bin for s, later in pairwise(stops) if not s.bin)


@given(st.lists(st.integers(0, 9)), st.integers(0, 50))
def test_units_found_are_shared_out_to_the_first_ones_first(wanted: list[int], found: int) -> None:
    shares = share(wanted, min(found, sum(wanted)))
    assert sum(shares) == min(found, sum(wanted))
    for i, (got, want) in enumerate(zip(shares, wanted, strict=True)):
        assert 0 <= got <= want
        assert got == want or not any(shares[i + 1 :])


def test_a_difference_is_small_by_units_or_by_its_share_whichever_is_more() -> None:
    tolerance = Tolerance(units=1, percent=2)
    assert tolerance.allows(10, 11)
    assert not tolerance.allows(10, 12)
    assert tolerance.allows(200, 196)
    assert not tolerance.allows(200, 195)
    assert not Tolerance().allows(10, 11)
    assert Tolerance(5, 1).at_most(Tolerance(2, 10)) == Tolerance(2, 1)
