"""Metrics and access logs of each request, with ids only: no body, no query, no address."""

import time
from collections.abc import Callable
from math import inf
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.reads import Backlog
from db.reconciliation import LastCheck

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts of this process, in a registry of its own; `access` logs each request."""

    access: Any = structlog.get_logger("api.access")

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "kervan_api_requests",
            "Requests by route and status.",
            (*labels, "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "kervan_api_request_seconds",
            "Time to the end of the answer.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        gauge = self._gauge
        self._outbox_rows = gauge("kervan_outbox_rows", "News that waits to be told to workflows.")
        self._outbox_age = gauge("kervan_outbox_age_seconds", "Age of the oldest of it.")
        self._inbox_rows = gauge("kervan_inbox_rows", "News from outside that nobody has read.")
        self._inbox_age = gauge("kervan_inbox_age_seconds", "Age of the oldest of it.")
        self._attention = gauge("kervan_attention_orders", "Orders that wait for a person.")
        self._differences = gauge(
            "kervan_stock_differences", "Numbers of stock that differ, by the newest check."
        )
        self._checked_age = gauge(
            "kervan_stock_check_age_seconds", "Time since that check; infinite before the first."
        )
        # Children are looked up once; `labels` takes a lock each time.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request is over."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        children[0].inc()
        children[1].observe(seconds)

    def render(self, backlog: Backlog | None, check: LastCheck | None) -> bytes:
        """All figures in Prometheus' text format; those of the database when it answers."""
        if backlog is not None:
            self._outbox_rows.set(backlog.outbox_rows)
            self._outbox_age.set(backlog.outbox_age)
            self._inbox_rows.set(backlog.inbox_rows)
            self._inbox_age.set(backlog.inbox_age)
            self._attention.set(backlog.attention_orders)
            self._differences.set(check.differences if check else 0)
            self._checked_age.set(check.age if check else inf)
        return generate_latest(self.registry)


class Observer:
    """Middleware that tells how each request went."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._tell(scope, status, self._clock() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", "unmatched")
        # A method that nobody has heard of would make a new series with each request.
        method = scope["method"] if route is not None else "other"
        self._metrics.count(method, path, status, seconds)
        if path not in _QUIET:
            self._metrics.access.info(
                "request",
                method=method,
                route=path,
                status=status,
                ms=round(seconds * 1000, 1),
                **scope.get("path_params", {}),
            )
