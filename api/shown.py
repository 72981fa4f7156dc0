"""What a request shows of who asks, and whether that still holds while its answer lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from epics.callers import Caller
from epics.roles import Deed

if TYPE_CHECKING:
    from engine.engine import Engine

LOOK_AGAIN_S: Final = 30.0
"""So long a stream believes what its start found out; with the pauses between its messages that is less than a minute."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a request shows of who asks; kept for as long as it lasts, so that a stream can ask again whether that still holds."""

    caller: Caller
    bearer: str = field(repr=False)
    address: str


class StillLetIn:
    """Whether what a stream began with still holds: a key may end, or a role, while it lasts."""

    def __init__(self, engine: Engine, shown: Shown | None, repo: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with what was found out at its start; without anything shown there is nothing that could end."""
        self._engine = engine
        self._shown = shown if shown is not None and shown.bearer else None
        self._repo = repo
        self._clock = clock
        self._seen_at = clock()

    async def check(self) -> None:
        """Look again, if the last look is a while ago.

        Raises:
            Unauthenticated: if the key or token holds no more.
            Forbidden: if its person may not read the repository any more.
        """
        if self._shown is None or self._clock() - self._seen_at < LOOK_AGAIN_S:
            return
        self._seen_at = self._clock()
        caller = await self._engine.access.authenticate(self._shown.bearer, channel="http", address=self._shown.address)
        caller.check(Deed.READ, self._repo)


def shown_in(request: Request) -> Shown | None:
    """What a request has shown; None where nobody was asked for a key."""
    shown: Shown | None = request.scope.get("state", {}).get("shown")
    return shown
