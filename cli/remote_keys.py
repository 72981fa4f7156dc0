"""Keys by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

from cli.api_client import ApiClient
from engine.access.views import KeyView, NewKeyView
from engine.views import Page
from epics.roles import Grant


class RemoteKeys:
    """What `Access` does with keys here, asked of a server."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def create_key(
        self, name: str, grants: Sequence[Grant], *, person: str | None = None, lasts: timedelta | None = None
    ) -> NewKeyView:
        """Make a key; not asked again without an answer, since each time is another key."""
        worth = [grant.model_dump(mode="json") for grant in grants]
        body = {"name": name, "grants": worth, "person": person, "lasts_s": None if lasts is None else int(lasts.total_seconds())}
        return await self._api.post(NewKeyView, "/keys", body)

    async def list_keys(self, person: str | None = None) -> tuple[KeyView, ...]:
        """All keys, or those of one person."""
        found = (await self._api.get(Page[KeyView], "/keys")).items
        return tuple(key for key in found if person in {None, key.person})

    async def rotate_key(self, given: str, *, grace: timedelta) -> NewKeyView:
        """Give a key another secret."""
        return await self._api.post(NewKeyView, f"/keys/{_part(given)}/rotate", {"grace_s": int(grace.total_seconds())})

    async def revoke_key(self, given: str) -> KeyView:
        """End a key."""
        return await self._api.post(KeyView, f"/keys/{_part(given)}/revoke", {})


def _part(given: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(given, safe="")
