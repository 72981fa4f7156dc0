"""Figures for Prometheus, in a registry of this server's own."""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.patience import within
from api.slack.figures import SlackFigures
from engine.engine import Engine
from engine.readiness import Standing
from epics.errors import GenieError

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_COUNTED_FOR_S: Final = 5.0
_ANSWER_S: Final = 3.0
_POOL: Final = {
    "pool_size": "open",
    "pool_available": "free",
    "pool_max": "most",
    "requests_waiting": "waiting",
}


class Metrics:
    """What is counted with each request, and what is read from the database when somebody asks, at most every few seconds."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        names = ["method", "route", "status"]
        self._requests = Counter("genie_http_requests", "Requests that were answered", names, registry=self.registry)
        self._seconds = Histogram("genie_http_request_seconds", "Time until an answer began", ["method", "route"], registry=self.registry)
        self._streams = Gauge("genie_event_streams", "Streams of events that are open", registry=self.registry)
        self._up = Gauge("genie_database_up", "Whether the database answered when it was asked last", registry=self.registry)
        self._epics = Gauge("genie_epics", "Epics by status", ["status"], registry=self.registry)
        self._queue = Gauge("genie_queue_length", "Epics that no worker has taken up yet", registry=self.registry)
        self._workers = Gauge("genie_workers", "Workers with a fresh sign of life", registry=self.registry)
        self._pool = Gauge("genie_pool_connections", "Connections of this server's pool", ["state"], registry=self.registry)
        self._slack = SlackFigures(self.registry)
        self._counted_at = -_COUNTED_FOR_S

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    async def text(self, engine: Engine | None, followers: int) -> bytes:
        """All figures, in the text format."""
        self._streams.set(followers)
        if time.monotonic() - self._counted_at >= _COUNTED_FOR_S:
            self._counted_at = time.monotonic()
            await self._count(engine)
        return generate_latest(self.registry)

    async def _count(self, engine: Engine | None) -> None:
        if engine is None:
            self._up.set(0)
            return
        try:
            standing = await within(_ANSWER_S, engine.standing())
            slack = await within(_ANSWER_S, engine.slack.workspace.status())
        except GenieError:
            self._up.set(0)
        else:
            self._up.set(1)
            self._show(standing)
            self._slack.show(slack)

    def _show(self, standing: Standing) -> None:
        for status, count in standing.epics.items():
            self._epics.labels(status).set(count)
        self._queue.set(standing.queue)
        self._workers.set(standing.workers)
        for name, state in _POOL.items():
            self._pool.labels(state).set(standing.pool.get(name, 0))
