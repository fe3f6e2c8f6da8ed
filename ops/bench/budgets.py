"""What each story of an order may cost on Temporal, at most: billable actions and history events
of all workflows that it starts. A story that needs more needs a reason (CONTRIBUTING.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many."""

    actions: int
    events: int


BUDGETS: Mapping[str, Budget] = {
    "one parcel": Budget(21, 72),
    "two parcels": Budget(28, 95),
    "canceled before picking": Budget(11, 44),
    "edited before picking": Budget(25, 88),
    "returned, inspected, refunded": Budget(44, 150),
    "exchanged for the same": Budget(68, 220),
    "lost and sent again": Budget(40, 128),
    "asked how it was": Budget(23, 85),
}

_ONE_EACH = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    }
)


def actions_of(history: Iterable[HistoryEvent]) -> Counter[str]:
    """Billable actions by kind, as a history tells them: the start, activities, timers, signals,
    updates, upserts, and local activities, those of one workflow task as one. `kervan bench`
    compares the sum with the server's own count.
    """
    counts: Counter[str] = Counter()
    marked = False
    for event in history:
        if event.event_type in _ONE_EACH:
            counts[EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")] += 1
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            counts["LOCAL_ACTIVITIES"] += not marked
            marked = True
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            marked = False
    return counts
