"""How often and after what wait a failed call of a model is tried again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Tries per model and call, with waits that grow and are spread out, so that many workers do not come back at once."""

    tries: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    longest_asked_wait_s: float = 120.0
    """The longest that we wait because a provider asked for it; beyond it the call is tried again anyway."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = field(default=random.random)

    def wait_before(self, next_try: int, asked_s: float | None) -> float:
        """Return the seconds to wait before try number `next_try` (2 is the first repetition)."""
        own = min(self.first_wait_s * 2.0 ** (next_try - 2), self.longest_wait_s) * (0.5 + self.chance() / 2)
        return own if asked_s is None else max(own, min(asked_s, self.longest_asked_wait_s))
