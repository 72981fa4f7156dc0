"""Which executors can run on this host: a worker takes no epic that another one would do better to take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog

from epics.errors import Environment
from executors.port import Executor, NeedsThisHost

LOOK_AGAIN_S: Final = 30.0
"""A CLI may be installed meanwhile, and a daemon come or go."""


class Able:
    """The executors of an installation that can run here, looked at now and then."""

    def __init__(self, executors: Mapping[str, Executor]) -> None:
        """Bind to the executors; nothing is looked at yet."""
        self._executors = executors
        self._looked_at: float | None = None
        self._missing: Mapping[str, str] = {}

    async def names(self) -> tuple[str, ...]:
        """The names of those that can run here."""
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_S:
            missing = await asyncio.to_thread(self._look)
            for name, why in missing.items():
                if self._missing.get(name) != why:
                    structlog.get_logger().info("no epic is taken that wants this executor", executor=name, why=why)
            self._missing, self._looked_at = missing, now
        return tuple(name for name in self._executors if name not in self._missing)

    def _look(self) -> Mapping[str, str]:
        missing = dict[str, str]()
        for name, executor in self._executors.items():
            if not isinstance(executor, NeedsThisHost):
                continue
            try:
                executor.check_host()
            except Environment as error:
                missing[name] = str(error)
        return missing
