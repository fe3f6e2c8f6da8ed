"""What goes into a refund's workflow and comes out of it, without personal data."""

from dataclasses import dataclass

from activities.refund_contracts import RefundTask


@dataclass(frozen=True)
class RefundInput:
    """Carries out a refund that PostgreSQL already holds. Seconds between tries."""

    task: RefundTask
    step_attempts: int = 6
    step_retry_interval: float = 300.0


@dataclass(frozen=True)
class RefundOutcome:
    """How it ended: it ends only when all is given back."""

    status: str = "succeeded"
