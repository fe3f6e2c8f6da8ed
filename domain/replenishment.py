"""When to buy what, and how much: each answer with the arithmetic that led to it.

Units are integers. The reckoning is that of a reorder point with an order-up-to level:

    lead-time demand  = mean a day x lead time in days                (rounded to 4 places)
    safety stock      = z x deviation a day x sqrt(lead time)         (rounded up)
    reorder point     = lead-time demand (rounded up) + safety stock
    order-up-to level = reorder point + mean a day x review period    (rounded up)
    position          = free + incoming + in preparation - backordered

At or below the reorder point the item is low, and what lacks to the order-up-to level is bought:
at least the supplier's minimum, and in whole packs. See Silver, Pyke and Thomas, Inventory and
Production Management in Supply Chains (4th ed., 2017), chapter 6.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import ceil, sqrt
from statistics import NormalDist

from domain.forecast import PLACES


class Verdict(StrEnum):
    """What a buyer should know of an item at a warehouse."""

    OK = "ok"
    LOW = "low"
    OVERSTOCK = "overstock"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Demand:
    """What an item is reckoned to sell a day. `days`: how many days were looked at."""

    mean_daily: float
    sigma_daily: float
    days: int


@dataclass(frozen=True, slots=True)
class Position:
    """What is there and what is promised, in units.

    `incoming` is at the supplier, `preparing` in purchase orders that are not sent yet,
    `backordered` waited for by customers. `safety` is the level's own safety stock.
    """

    on_hand: int
    allocated: int
    held: int
    damaged: int
    safety: int
    incoming: int
    preparing: int
    backordered: int

    @property
    def free(self) -> int:
        """Sellable units that nobody was promised. The safety stock is among them: it is a part
        of what we aim at, and would count twice if it were taken off here.
        """
        return self.on_hand - self.allocated - self.held - self.damaged

    @property
    def total(self) -> int:
        """The inventory position."""
        return self.free + self.incoming + self.preparing - self.backordered


@dataclass(frozen=True, slots=True)
class Terms:
    """How a supplier sells the item."""

    lead_time_days: int
    moq: int = 1
    pack_size: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """The shop's own: service level (0.5 to 1), days between two orders, covers in days."""

    service_level: float
    review_days: int
    overstock_days: int
    dead_days: int


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the reckoning: what, by which formula, with which numbers, and the result."""

    name: str
    formula: str
    numbers: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Levels:
    """What the position is held against. `reckoned_safety` is what the numbers ask for."""

    z: float
    lead_time_demand: float
    reckoned_safety: int
    safety_stock: int
    reorder_point: int
    review_demand: int
    order_up_to: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The verdict, and how many units to buy. `cover_days` is None when nothing is sold."""

    verdict: Verdict
    need: int
    quantity: int
    surplus: int
    cover_days: float | None
    levels: Levels


@lru_cache(maxsize=64)
def service_factor(service_level: float) -> float:
    """`z`: so many deviations above the mean lies the demand that this share stays below."""
    return round(NormalDist().inv_cdf(service_level), PLACES)


def units_up(value: float) -> int:
    """Whole units, rounded up; a float's last digits (30.000000000000004) are not a unit."""
    return ceil(round(value, 6))


def order_quantity(need: int, moq: int, pack_size: int) -> int:
    """Units to order so that `need` is met: at least `moq`, in whole packs; 0 when none is needed.

    A minimum that is no multiple of the pack is rounded up to one as well.
    """
    if need <= 0:
        return 0
    return -(-max(need, moq) // pack_size) * pack_size


def suggest(demand: Demand, position: Position, terms: Terms, rules: Rules) -> Suggestion:
    """Reckon an item at a warehouse through."""
    levels = reckon(demand, position, terms, rules)
    verdict = _verdict(demand, position, levels, rules)
    need = levels.order_up_to - position.total if verdict is Verdict.LOW else 0
    surplus = 0
    if verdict in (Verdict.OVERSTOCK, Verdict.DEAD):
        surplus = position.free - levels.order_up_to
    return Suggestion(
        verdict=verdict,
        need=need,
        quantity=order_quantity(need, terms.moq, terms.pack_size),
        surplus=surplus,
        cover_days=round(position.free / demand.mean_daily, 1) if demand.mean_daily else None,
        levels=levels,
    )


def reckon(demand: Demand, position: Position, terms: Terms, rules: Rules) -> Levels:
    """The levels that an item's position is held against."""
    z = service_factor(rules.service_level)
    lead_time_demand = round(demand.mean_daily * terms.lead_time_days, PLACES)
    reckoned = units_up(z * demand.sigma_daily * sqrt(terms.lead_time_days))
    # Whoever set a safety stock by hand knows something that the numbers do not.
    safety_stock = max(reckoned, position.safety)
    reorder_point = units_up(lead_time_demand) + safety_stock
    review_demand = units_up(demand.mean_daily * rules.review_days)
    return Levels(
        z=z,
        lead_time_demand=lead_time_demand,
        reckoned_safety=reckoned,
        safety_stock=safety_stock,
        reorder_point=reorder_point,
        review_demand=review_demand,
        order_up_to=reorder_point + review_demand,
    )


def _verdict(demand: Demand, position: Position, levels: Levels, rules: Rules) -> Verdict:
    if not demand.mean_daily:
        # Nothing is sold: only promises, and a safety stock set by hand, are bought for.
        if position.total < levels.order_up_to:
            return Verdict.LOW
        unsold = demand.days >= rules.dead_days and position.free > levels.order_up_to
        return Verdict.DEAD if unsold else Verdict.OK
    if position.total <= levels.reorder_point:
        return Verdict.LOW
    if position.free > max(levels.order_up_to, demand.mean_daily * rules.overstock_days):
        return Verdict.OVERSTOCK
    return Verdict.OK


def explain(
    demand: Demand, position: Position, terms: Terms, rules: Rules, found: Suggestion
) -> tuple[Step, ...]:
    """The reckoning line by line, so that a person can do it again by hand."""
    p, v = position, found.levels
    return (
        Step(
            "lead_time_demand",
            "mean_daily x lead_time_days",
            f"{demand.mean_daily} x {terms.lead_time_days}",
            v.lead_time_demand,
        ),
        Step(
            "safety_stock",
            "max(ceil(z x sigma_daily x sqrt(lead_time_days)), safety)",
            f"max(ceil({v.z} x {demand.sigma_daily} x sqrt({terms.lead_time_days})), {p.safety})",
            v.safety_stock,
        ),
        Step(
            "reorder_point",
            "ceil(lead_time_demand) + safety_stock",
            f"ceil({v.lead_time_demand}) + {v.safety_stock}",
            v.reorder_point,
        ),
        Step(
            "order_up_to",
            "reorder_point + ceil(mean_daily x review_days)",
            f"{v.reorder_point} + ceil({demand.mean_daily} x {rules.review_days})",
            v.order_up_to,
        ),
        Step(
            "free",
            "on_hand - allocated - held - damaged",
            f"{p.on_hand} - {p.allocated} - {p.held} - {p.damaged}",
            p.free,
        ),
        Step(
            "position",
            "free + incoming + preparing - backordered",
            f"{p.free} + {p.incoming} + {p.preparing} - {p.backordered}",
            p.total,
        ),
        Step(
            "cover_days", "free / mean_daily", f"{p.free} / {demand.mean_daily}", found.cover_days
        ),
        Step(
            "need",
            "order_up_to - position, when position <= reorder_point",
            f"{v.order_up_to} - {p.total}, when {p.total} <= {v.reorder_point}",
            found.need,
        ),
        Step(
            "quantity",
            "ceil(max(need, moq) / pack_size) x pack_size, when need > 0",
            f"ceil(max({found.need}, {terms.moq}) / {terms.pack_size}) x {terms.pack_size}",
            found.quantity,
        ),
        Step(
            "surplus",
            "free - order_up_to, for overstock and dead stock",
            f"{p.free} - {v.order_up_to}",
            found.surplus,
        ),
    )
