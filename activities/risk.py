"""Whether an order may be fraud: our own rules behind the port that any assessor can take."""

from collections.abc import Sequence

from db import orders, risk, timeline
from db.new_ids import new_id
from db.pool import Pool
from domain.ports import RiskFinding
from domain.risk import RiskAction, assess
from domain.states import HoldReason


class RuleAssessor:
    """See `domain.ports.RiskAssessor`. Looks at the rules that the shop keeps as rows."""

    name = "rules"

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def assess(self, order_id: str) -> Sequence[RiskFinding]:
        """See `domain.ports.RiskAssessor`; without a rule nothing more is read."""
        known = await risk.rules(self._pool)
        if not known:
            return ()
        fitting = assess(known, await risk.facts(self._pool, order_id))
        return [RiskFinding(rule.name, hold=rule.action is RiskAction.HOLD) for rule in fitting]


async def record(step: orders.Step, found: Sequence[RiskFinding]) -> None:
    """Write down what was found; one hold, however many findings want it. Part of a step."""
    if not found:
        return
    data = {"found": [{"rule": one.rule, "hold": one.hold} for one in found]}
    hold_id = new_id("hld") if any(one.hold for one in found) else ""
    event = await timeline.record(
        step.conn,
        step.order_id,
        "risk_found",
        data=data | ({"hold_id": hold_id} if hold_id else {}),
    )
    if hold_id:
        reason = HoldReason.HIGH_RISK_OF_FRAUD
        await orders.add_hold(step.conn, step.order_id, hold_id, reason, timeline.SYSTEM, event)
