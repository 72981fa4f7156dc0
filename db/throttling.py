"""Turns at a provider's key, taken by all workers from one row each, by the database's clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from db.connection import Pool
from db.epics import fetch_one

_SPREAD = 0.1
"""Whoever waited for the same moment comes a little apart."""


class SharedThrottle:
    """Implements `executors.throttle.Throttle` on the database."""

    def __init__(
        self,
        pool: Pool,
        keys: Mapping[str, str],
        per_minute: int | None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        look_s: float = 1.0,
    ) -> None:
        """Bind to the keys that this worker has.

        Args:
            pool: of the database that the workers share.
            keys: what stands for the key of each provider; one that is not named is not throttled.
            per_minute: the calls that all workers may make with one key; None if only what providers ask for counts.
            sleep: waits.
            look_s: without a limit, how long a look at what the provider asked for holds. A worker may be late by so much, and is told
                by the provider itself then; every call would else wait for its own look.
        """
        self._pool = pool
        self._keys = keys
        self._per_minute = per_minute
        self._sleep = sleep
        self._look_s = look_s
        self._free_at: dict[str, float] = {}

    async def turn(self, provider: str, told: Callable[[float], Awaitable[None]]) -> None:
        """Wait until a call may be made with the provider's key; `told` hears before each wait how long it is.

        Raises:
            StoreUnavailable: if the database does not answer.
        """
        key = self._keys.get(provider)
        if key is None or self._looked_just_now(key):
            return
        seconds = await self._seconds("take_provider_turn", key)
        while seconds > 0:
            await told(seconds)
            await self._sleep(seconds * (1 + _SPREAD * random.random()))  # noqa: S311  (a wait, not a secret)
            # The turn is taken; but the provider may have asked for more silence meanwhile.
            seconds = await self._seconds("provider_silence", key)
        self._free_at[key] = time.monotonic()

    async def told_to_wait(self, provider: str, seconds: float) -> None:
        """Let every worker wait with the provider's key.

        Raises:
            StoreUnavailable: if the database does not answer.
        """
        key = self._keys.get(provider)
        if key is not None:
            self._free_at.pop(key, None)
            await fetch_one(self._pool, "ask_provider_silence", {"key": key, "seconds": seconds})

    def _looked_just_now(self, key: str) -> bool:
        looked = self._free_at.get(key)
        return self._per_minute is None and looked is not None and time.monotonic() - looked < self._look_s

    async def _seconds(self, query: str, key: str) -> float:
        row = await fetch_one(self._pool, query, {"key": key, "per_minute": self._per_minute})
        return float(row["seconds"]) if row is not None else 0.0
