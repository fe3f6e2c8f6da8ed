"""Goods as hands move them: brought, put away, moved between bins, taken off, set aside.

Every change of counters is a row of the stock ledger, every change of a place one of the ledger
of places; both carry the same cause. The levels are locked first, sorted as everywhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from db import bins, catalog, places
from db.catalog import Correction, Why
from db.places import Place, PlaceMove
from db.pool import Connection
from domain.errors import Refused

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A correction of a level; with a bin, its units on hand come from there or go there.

    `place_kind` is what the ledger of places calls it.
    """

    correction: Correction
    bin: str = ""
    lot: str = ""
    place_kind: str = "adjust"


@dataclass(frozen=True, slots=True)
class BinMove:
    """Units of an item (and lot) from one bin to another; an empty bin means loose."""

    sku: str
    quantity: int
    from_bin: str = ""
    to_bin: str = ""
    lot: str = ""


class Shelves:
    """The places of some levels under their locks, and what is going to be taken from them."""

    def __init__(self, levels: Mapping[places.Level, Row], there: Sequence[Place]) -> None:
        self._there = {(p.sku, p.warehouse, p.bin, p.lot): p.quantity for p in there}
        self._expired = {(p.sku, p.lot) for p in there if p.expired}
        self._loose = {level: row["on_hand"] - row["placed"] for level, row in levels.items()}

    @classmethod
    async def lock(cls, conn: Connection, levels: Iterable[places.Level]) -> "Shelves":
        """Lock levels (made when missing) and look at their places."""
        wanted = list(levels)
        locked = await catalog.lock_levels(conn, wanted)
        return cls(locked, await places.places_of(conn, wanted))

    def lot_in(self, sku: str, warehouse: str, bin_: str, lot: str) -> str:
        """The lot that is meant: the one named, or the only one that lies there.

        Raises:
            Refused: several lots lie there.

        """
        if lot:
            return lot
        found = [
            key[3]
            for key, quantity in self._there.items()
            if key[:3] == (sku, warehouse, bin_) and quantity > 0
        ]
        if len(found) > 1 and "" not in found:
            detail = f"Several lots of {sku} lie in {bin_}: say which."
            raise Refused("lot_required", detail, sku=sku, bin=bin_, lots=", ".join(found))
        return found[0] if len(found) == 1 else ""

    def take(self, sku: str, warehouse: str, bin_: str, lot: str, quantity: int) -> str:
        """Plan to take units off a bin; answers their lot.

        Raises:
            Refused: fewer lie there.

        """
        lot = self.lot_in(sku, warehouse, bin_, lot)
        there = self._there.get((sku, warehouse, bin_, lot), 0)
        if there < quantity:
            raise Refused(
                "not_in_bin",
                f"{there} units of {sku} lie in {bin_}.",
                sku=sku,
                bin=bin_,
                lot=lot,
                quantity=str(there),
            )
        self._there[sku, warehouse, bin_, lot] = there - quantity
        self._loose[sku, warehouse] += quantity
        return lot

    def holds(self, sku: str, warehouse: str, bin_: str, lot: str) -> int:
        """Units that lie there and are not taken yet."""
        return self._there.get((sku, warehouse, bin_, lot), 0)

    def expired(self, sku: str, lot: str) -> bool:
        """Whether a lot that lies in some bin is good no longer."""
        return (sku, lot) in self._expired

    def use_loose(self, sku: str, warehouse: str, quantity: int) -> None:
        """Plan to use units that are in no bin.

        Raises:
            Refused: fewer are loose.

        """
        loose = self._loose[sku, warehouse]
        if loose < quantity:
            raise Refused(
                "not_loose",
                f"{loose} units of {sku} are in no bin.",
                sku=sku,
                warehouse=warehouse,
                loose=str(loose),
            )
        self._loose[sku, warehouse] = loose - quantity


async def change(conn: Connection, changes: Sequence[Change], why: Why) -> list[Row]:
    """Correct levels together with the bins that are named; answers the levels touched.

    What comes into a quarantine bin is quarantined, what leaves one is not any more.

    Raises:
        Refused: see `catalog.correct`; or fewer units lie in a bin than shall leave it.

    """
    if not any(one.bin for one in changes):
        return await catalog.correct(conn, [one.correction for one in changes], why)
    shelves = await Shelves.lock(
        conn, [(c.correction.sku, c.correction.warehouse) for c in changes]
    )
    outs: list[PlaceMove] = []
    ins: list[PlaceMove] = []
    corrections: list[Correction] = []
    for one in changes:
        c, units = one.correction, one.correction.on_hand
        corrections.append(c)
        if not one.bin:
            continue
        kind = (await bins.kinds(conn, c.warehouse, [one.bin]))[one.bin]
        lot = one.lot
        if units < 0:
            lot = shelves.take(c.sku, c.warehouse, one.bin, one.lot, -units)
        move = _move(one.place_kind, c.sku, c.warehouse, one.bin, lot, units, why)
        (outs if units < 0 else ins).append(move)
        if kind == bins.QUARANTINE:
            corrections.append(_set_aside(c.sku, c.warehouse, units))
    return await carry_out(conn, outs, corrections, ins, why)


def _set_aside(sku: str, warehouse: str, units: int) -> Correction:
    return Correction(sku, warehouse, "quarantine", damaged=units, quarantined=units)


def _move(  # noqa: PLR0913, PLR0917 - a place and what happens to it
    kind: str, sku: str, warehouse: str, bin_: str, lot: str, quantity: int, why: Why
) -> PlaceMove:
    return PlaceMove(sku, warehouse, bin_, lot, kind, why.cause, quantity=quantity)


async def carry_out(
    conn: Connection,
    outs: Sequence[PlaceMove],
    corrections: Sequence[Correction],
    ins: Sequence[PlaceMove],
    why: Why,
) -> list[Row]:
    """Out of bins, then the counters, then into bins: no constraint is crossed on the way.

    What goes into a bin and out of it at once is one movement of that bin. The caller holds the
    locks of all levels. Answers those that were touched.

    Raises:
        Refused: see `catalog.correct`; or more would go into bins than there is outside them.

    """
    told: dict[str, Any] = {
        "actor": why.actor,
        "reason": why.reason,
        "occurred_at": why.occurred_at,
    }
    touched = {(m.sku, m.warehouse) for m in [*outs, *ins]}
    touched |= {(c.sku, c.warehouse) for c in corrections}
    outs, ins = _netted([*outs, *ins])
    await places.write(conn, outs, **told)
    if corrections:
        await catalog.correct(conn, corrections, why)
    levels = await catalog.lock_levels(conn, sorted(touched))
    shelves = Shelves(levels, [])
    for move in ins:
        shelves.use_loose(move.sku, move.warehouse, move.quantity)
        levels[move.sku, move.warehouse] = _with(levels[move.sku, move.warehouse], move.quantity)
    await places.write(conn, ins, **told)
    return [levels[level] for level in sorted(touched)]


def _netted(moves: Iterable[PlaceMove]) -> tuple[list[PlaceMove], list[PlaceMove]]:
    units: Counter[PlaceMove] = Counter()
    for move in moves:
        units[replace(move, quantity=0)] += move.quantity
    net = [replace(place, quantity=quantity) for place, quantity in units.items()]
    return [m for m in net if m.quantity < 0], [m for m in net if m.quantity > 0]


def _with(level: Row, placed: int) -> Row:
    return {**level, "placed": level["placed"] + placed}


async def put_away(
    conn: Connection, warehouse: str, moves: Sequence[BinMove], why: Why
) -> list[Row]:
    """Loose units into bins, or from bin to bin; answers the levels touched.

    Raises:
        Refused: fewer are loose or lie in the bin, or they are in quarantine, which only a
            decision ends.

    """
    shelves = await Shelves.lock(conn, [(m.sku, warehouse) for m in moves])
    named = [code for m in moves for code in (m.from_bin, m.to_bin)]
    kinds = await bins.kinds(conn, warehouse, named)
    outs, ins, aside = [], [], []
    for m in moves:
        into = kinds[m.to_bin] == bins.QUARANTINE
        lot, place_kind = m.lot, "putaway"
        if m.from_bin:
            place_kind = "move"
            if kinds[m.from_bin] == bins.QUARANTINE and not into:
                detail = "The goods are in quarantine: release them, or condemn them."
                raise Refused("in_quarantine", detail, sku=m.sku, bin=m.from_bin)
            lot = shelves.take(m.sku, warehouse, m.from_bin, m.lot, m.quantity)
            outs.append(_move("move", m.sku, warehouse, m.from_bin, lot, -m.quantity, why))
        ins.append(_move(place_kind, m.sku, warehouse, m.to_bin, lot, m.quantity, why))
        if into and not (m.from_bin and kinds[m.from_bin] == bins.QUARANTINE):
            aside.append(m)
    corrections = await _newly_set_aside(conn, warehouse, aside)
    return await carry_out(conn, outs, corrections, ins, why)


async def _newly_set_aside(
    conn: Connection, warehouse: str, moves: Sequence[BinMove]
) -> list[Correction]:
    """What going into quarantine bins takes off sale.

    Loose units that were quarantined before go in first; what comes from another bin was for sale.
    """
    waiting = {}
    if any(not m.from_bin for m in moves):
        levels = [(m.sku, warehouse) for m in moves]
        waiting = await places.quarantined_elsewhere(conn, levels)
    corrections = []
    for m in moves:
        known = 0 if m.from_bin else min(m.quantity, waiting.get((m.sku, warehouse), 0))
        if known:
            waiting[m.sku, warehouse] -= known
        if m.quantity > known:
            corrections.append(_set_aside(m.sku, warehouse, m.quantity - known))
    return corrections


_DECISIONS = {
    "quarantine": Correction("", "", "quarantine", damaged=1, quarantined=1),
    "release": Correction("", "", "quarantine", damaged=-1, quarantined=-1),
    "condemn": Correction("", "", "quarantine", quarantined=-1),
    "scrap": Correction("", "", "scrap", on_hand=-1, damaged=-1, quarantined=-1),
    "scrap_condemned": Correction("", "", "scrap", on_hand=-1, damaged=-1),
}


async def decide(
    conn: Connection, warehouse: str, decision: str, moves: Sequence[BinMove], why: Why
) -> list[Row]:
    """Set goods aside, or end their quarantine: release, condemn, scrap, scrap_condemned.

    Without a bin, quarantined goods are taken from the quarantine bins, first expired first; goods
    that are set aside without one must be loose. They go to the first quarantine bin, if there is
    one and no other is named.

    Raises:
        Refused: goods are promised, not there, or not in quarantine.

    """
    shelves = await Shelves.lock(conn, [(m.sku, warehouse) for m in moves])
    spare = await bins.first_of(conn, warehouse, bins.QUARANTINE)
    named = [code for m in moves for code in (m.from_bin, m.to_bin)]
    kinds = await bins.kinds(conn, warehouse, [*named, spare])
    unit = _DECISIONS[decision]
    outs, ins, corrections = [], [], []
    for m in moves:
        lot, target = m.lot, m.to_bin
        _must_fit(decision, kinds, m)
        if m.from_bin:
            lot = shelves.take(m.sku, warehouse, m.from_bin, m.lot, m.quantity)
            outs.append(_move("move", m.sku, warehouse, m.from_bin, lot, -m.quantity, why))
        elif decision == "quarantine":
            # Else a picker would be sent to goods that nobody may sell.
            shelves.use_loose(m.sku, warehouse, m.quantity)
        if decision == "quarantine":
            target = target or spare
        if target:
            ins.append(_move("move", m.sku, warehouse, target, lot, m.quantity, why))
        corrections.append(_times(unit, m, warehouse))
    return await carry_out(conn, outs, corrections, ins, why)


def _must_fit(decision: str, kinds: Mapping[str, str], m: BinMove) -> None:
    """Goods are set aside out of bins for sale, and decided about in those of quarantine."""
    inward = decision == "quarantine"
    outward = decision not in {"quarantine", "scrap_condemned"}
    for code, wanted in ((m.from_bin, outward), (m.to_bin, inward)):
        if code and (kinds[code] == bins.QUARANTINE) is not wanted:
            detail = f"{code} is a bin of kind {kinds[code]}."
            raise Refused("wrong_bin_kind", detail, bin=code, kind=kinds[code])


def _times(unit: Correction, m: BinMove, warehouse: str) -> Correction:
    return replace(
        unit,
        sku=m.sku,
        warehouse=warehouse,
        on_hand=unit.on_hand * m.quantity,
        damaged=unit.damaged * m.quantity,
        quarantined=unit.quarantined * m.quantity,
    )
