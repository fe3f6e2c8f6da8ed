"""ABC classes and the moves they propose."""

from hypothesis import given
from hypothesis import strategies as st

from domain.slotting import AbcClass, Bin, Move, moves, rank

BINS = [Bin(f"B{n}", "Z", n) for n in range(1, 6)]


def test_classes_end_where_their_share_is_reached() -> None:
    ranked = rank({"D": 4, "A": 70, "C": 6, "B": 20, "E": 0})
    assert [(r.rank, r.sku, r.share_bp, r.cumulative_bp, r.abc) for r in ranked] == [
        (1, "A", 7_000, 7_000, AbcClass.A),
        (2, "B", 2_000, 9_000, AbcClass.A),
        (3, "C", 600, 9_600, AbcClass.B),
        (4, "D", 400, 10_000, AbcClass.C),
        (5, "E", 0, 10_000, AbcClass.C),
    ]


def test_one_bestseller_is_a_class_of_its_own() -> None:
    assert [r.abc for r in rank({"A": 99, "B": 1})] == [AbcClass.A, AbcClass.C]


def test_nothing_picked_is_all_c() -> None:
    assert [(r.abc, r.cumulative_bp) for r in rank({"A": 0, "B": 0})] == [(AbcClass.C, 0)] * 2
    assert rank({}) == []


def test_a_fast_mover_changes_places_with_a_slow_one_that_lies_nearer() -> None:
    ranked = rank({"FAST": 90, "SLOW": 10})
    assert moves(ranked, BINS[:2], {"B1": "SLOW", "B2": "FAST"}, 10) == [
        Move("FAST", AbcClass.A, 90, BINS[1], BINS[0], "SLOW", 80)
    ]


def test_an_empty_bin_is_taken_before_anybody_is_displaced() -> None:
    ranked = rank({"FAST": 90, "SLOW": 10})
    found = moves(ranked, BINS, {"B3": "SLOW", "B5": "FAST"}, 10)
    assert [(m.sku, m.place.code, m.to.code, m.instead, m.gain) for m in found] == [
        ("FAST", "B5", "B1", "", 360),
        ("SLOW", "B3", "B2", "", 10),
    ]


def test_nobody_moves_when_all_lie_as_they_are_picked() -> None:
    ranked = rank({"A": 80, "B": 15, "C": 5})
    assert moves(ranked, BINS[:3], {"B1": "A", "B2": "B", "B3": "C"}, 10) == []


def test_items_without_a_known_place_are_left_alone() -> None:
    assert moves(rank({"A": 80}), BINS, {}, 10) == []


def test_the_move_that_saves_most_comes_first_and_the_list_is_cut() -> None:
    ranked = rank({"A": 50, "B": 40, "C": 6, "D": 4})
    stored = {"B1": "C", "B2": "D", "B3": "B", "B5": "A"}
    found = moves(ranked, [b for b in BINS if b.code != "B4"], stored, 10)
    assert [(m.sku, m.to.code, m.gain) for m in found] == [("A", "B1", 176), ("B", "B2", 36)]
    assert moves(ranked, [b for b in BINS if b.code != "B4"], stored, 1) == found[:1]


SKUS = [f"S{n}" for n in range(12)]


@given(
    st.dictionaries(st.sampled_from(SKUS), st.integers(0, 100)),
    st.lists(st.sampled_from([*SKUS, ""]), min_size=12, max_size=12),
)
def test_moves_never_meet_in_a_bin_and_each_shortens_ways(
    picks: dict[str, int], lying: list[str]
) -> None:
    bins = [Bin(f"B{n:02}", "Z", n) for n in range(12)]
    stored = {b.code: sku for b, sku in zip(bins, lying, strict=True) if sku}
    found = moves(rank(picks), bins, stored, 100)
    touched = [code for move in found for code in (move.place.code, move.to.code)]
    assert len(touched) == len(set(touched))
    for move in found:
        assert move.to.sequence < move.place.sequence
        assert picks.get(move.instead, 0) < move.picks
        assert move.gain > 0
