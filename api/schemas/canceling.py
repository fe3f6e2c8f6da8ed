"""In which phase of an order's life who may cancel it, for how much: asked and answered."""

from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError, pointer
from api.schemas.answers import MoneyOut, Out
from api.schemas.fields import MoneyIn, Strict
from api.schemas.policies import PolicyIn
from domain.phase import Actor, CancelRule, Phase

PhaseName = Literal[
    "before_payment", "before_picking", "picking", "packed", "labeled", "handed_over"
]


class CancelRuleIn(Strict):
    """Whether who asks may cancel in a phase, and what is kept of the money then."""

    phase: PhaseName
    actor: Literal["customer", "support"]
    allowed: bool
    fee: MoneyIn | None = None


class CancelPolicyIn(PolicyIn):
    """Each phase for each actor, once."""

    rules: Annotated[list[CancelRuleIn], Field(min_length=1, max_length=100)]

    @property
    def known(self) -> dict[tuple[Phase, Actor], CancelRule]:
        """Whether it is allowed, and its fee, by phase and actor."""
        return {
            (Phase(r.phase), Actor(r.actor)): CancelRule(r.allowed, r.fee.amount, r.fee.currency)
            if r.fee and r.fee.amount
            else CancelRule(r.allowed)
            for r in self.rules
        }

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        named = [(r.phase, r.actor) for r in self.rules]
        errors = [
            FieldError(pointer(("rules", n)), "duplicate", "It stands there twice.")
            for n, one in enumerate(named)
            if one in named[:n]
        ]
        errors += [
            FieldError(
                pointer(("rules", n, "fee")), "not_allowed", "Nothing is paid yet: no fee is kept."
            )
            for n, rule in enumerate(self.rules)
            if rule.fee is not None and rule.phase == "before_payment"
        ]
        known = self.known
        missing = [f"{p}/{a}" for p, a in product(Phase, Actor) if (p, a) not in known]
        if missing:
            detail = f"A rule is missing for: {', '.join(missing)}."
            errors.append(FieldError("/rules", "required", detail))
        return errors


class CancelRuleOut(Out):
    """Whether who asks may cancel in a phase, and what is kept of the money then."""

    phase: str
    actor: str
    allowed: bool
    fee: MoneyOut | None


class CancelPolicyOut(Out):
    """Each phase for each actor."""

    rules: list[CancelRuleOut]
