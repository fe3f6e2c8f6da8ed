"""The queue of webhooks: written in the transaction of the fact that they tell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Clock, text

PAYMENTS_PATH = "/v1/webhooks/payments/sandbox"
CARRIERS_PATH = "/v1/webhooks/carriers/sandbox"


class News:
    """What is to be told. The courier carries it until it is taken."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def tell(
        self,
        path: str,
        event_id: str,
        kind: str,
        occurred_at: datetime,
        data: Mapping[str, Any],
    ) -> None:
        """Queue one event. Call it inside the transaction that makes it true."""
        body = orjson.dumps(
            {
                "id": event_id,
                "type": kind,
                "occurred_at": text(occurred_at),
                "data": data,
            }
        )
        self._store.write(
            "INSERT INTO webhooks (id, path, body, due) VALUES (?, ?, ?, ?)",
            event_id,
            path,
            body,
            self._clock().timestamp(),
        )
