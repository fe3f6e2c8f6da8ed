"""How long steps may take and how they are tried again."""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

# A database step inside the workflow task: quick tries, then the regular activity takes over.
LOCAL: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=5),
    "schedule_to_close_timeout": timedelta(seconds=8),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=1),
        maximum_attempts=4,
    ),
}

# The same step as a regular activity, for some minutes; then the order asks for attention and
# goes on trying at a slower pace, for as long as the database may be away.
DATABASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_interval=timedelta(seconds=10),
        maximum_attempts=20,
    ),
}

# The same for a workflow that has nothing else to do: for as long as the database is away.
DATABASE_FOR_EVER: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1)
    ),
}

# One try, when something else already failed and nothing may wait for it.
ONCE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "schedule_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(maximum_attempts=1),
}


def outside(attempts: int) -> dict[str, Any]:
    """A call to an outside party: a few quick tries; what comes after is the workflow's."""
    return {
        "start_to_close_timeout": timedelta(seconds=30),
        "retry_policy": RetryPolicy(
            initial_interval=timedelta(milliseconds=500),
            maximum_interval=timedelta(seconds=10),
            maximum_attempts=attempts,
        ),
    }


# Mail is tried for three days; an order never waits for it.
NOTIFICATION: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=60),
    "schedule_to_close_timeout": timedelta(days=3),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=15)
    ),
}

# What the clock starts; when it fails for minutes, the next run sees it all.
BY_THE_CLOCK = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    maximum_interval=timedelta(minutes=1),
    maximum_attempts=10,
)
