"""What goes into a return's workflow and comes out of it, without personal data.

Durations are seconds. They grow by fields with defaults.
"""

from dataclasses import dataclass, field

from domain.returns import Return
from workflows.messages import Asker


@dataclass(frozen=True)
class ReturnPolicy:
    """How steps of a return are tried again, as it was when it was asked for (seconds)."""

    step_attempts: int = 6
    step_retry_interval: float = 300.0


@dataclass(frozen=True)
class ReturnInput:
    """Starts the life of a return that PostgreSQL already holds."""

    ret: Return
    policy: ReturnPolicy = field(default_factory=ReturnPolicy)


@dataclass(frozen=True)
class ReturnRequest:
    """Approve, decline or cancel it, or try its label again; `reason` is a code."""

    asker: Asker
    reason: str = ""


@dataclass(frozen=True)
class ReturnOutcome:
    """How a request ended: the return's status after it."""

    status: str
