"""What the commands ask of keys, whoever answers: the engine in this process, or a server by its API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from engine.access.views import KeyView, NewKeyView
from epics.roles import Grant


class KeyService(Protocol):
    """The calls that `Access` and `RemoteKeys` both have; the first says what each of them does and raises."""

    async def create_key(
        self, name: str, grants: Sequence[Grant], *, person: str | None = None, lasts: timedelta | None = None
    ) -> NewKeyView:
        """Make a key."""
        ...

    async def list_keys(self, person: str | None = None) -> tuple[KeyView, ...]:
        """All keys, or those of one person."""
        ...

    async def rotate_key(self, given: str, *, grace: timedelta) -> NewKeyView:
        """Give a key another secret."""
        ...

    async def revoke_key(self, given: str) -> KeyView:
        """End a key."""
        ...
