"""Conversations, prompts and memory variables by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from cli.api_client import ApiClient
from engine.memories_for_faces import Whose
from engine.prompts.views import MemoryView, PromptView
from engine.sessions.views import MessageView, SessionView
from engine.views import Page
from epics.agent_errors import MemoryNotFound, PromptNotFound


class RemoteSessions:
    """What the engine's sessions do here, asked of a server."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def create(self, agent: str, *, name: str | None = None, repo: str | None = None) -> SessionView:
        """Begin a conversation with an agent."""
        return await self._api.post(SessionView, "/sessions", {"agent": agent, "name": name, "repo": repo})

    async def page(
        self,
        *,
        agent: str | None = None,
        repo: str | None = None,
        name: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[SessionView]:
        """Conversations, the newest first."""
        asked = {"agent": agent, "repo": repo, "name": name, "status": status, "limit": limit, "cursor": cursor}
        return await self._api.get(Page[SessionView], "/sessions", **asked)

    async def show(self, session: str) -> SessionView:
        """One conversation, by its id, the beginning of it, or its name."""
        return await self._api.get(SessionView, f"/sessions/{_part(session)}")

    async def messages(self, session: str, *, limit: int = 50, cursor: str | None = None, back: bool = False) -> Page[MessageView]:
        """What was said in a conversation, in its order; or the newest first."""
        asked = {"limit": limit, "cursor": cursor, "order": "newest" if back else None}
        return await self._api.get(Page[MessageView], f"/sessions/{_part(session)}/messages", **asked)

    async def rename(self, session: str, name: str) -> SessionView:
        """Give a conversation a name."""
        return await self._api.put(SessionView, f"/sessions/{_part(session)}/name", {"name": name})

    async def close(self, session: str) -> SessionView:
        """Let nothing more be said in a conversation."""
        return await self._api.post(SessionView, f"/sessions/{_part(session)}/close", {})

    async def reopen(self, session: str) -> SessionView:
        """Let a conversation go on that was closed."""
        return await self._api.post(SessionView, f"/sessions/{_part(session)}/reopen", {})

    async def remove(self, session: str) -> SessionView:
        """Forget a conversation."""
        return await self._api.delete(SessionView, f"/sessions/{_part(session)}")


class RemotePrompts:
    """What the engine's prompts do here, asked of a server."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def page(
        self, *, agent: str | None = None, status_key: str | None = None, active: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[PromptView]:
        """Versions by agent and status key, the newest first."""
        asked = {"agent": agent, "status_key": status_key, "active": "true" if active else None, "limit": limit, "cursor": cursor}
        return await self._api.get(Page[PromptView], "/prompts", **asked)

    async def show(self, agent: str, status_key: str = "default", version: int | None = None) -> PromptView:
        """One version; the active one if none is named."""
        if version is not None:
            return await self._api.get(PromptView, f"/prompts/{_part(agent)}/{_part(status_key)}/{version}")
        active = (await self.page(agent=agent, status_key=status_key, active=True, limit=1)).items
        if not active:
            message = f"there is no active prompt {status_key!r} of {agent!r}: see `genie prompt list {agent}`"
            raise PromptNotFound(message)
        return active[0]

    async def add(self, agent: str, text: str, *, status_key: str = "default", variables: Mapping[str, str] | None = None) -> PromptView:
        """Add the next version."""
        body = {"agent": agent, "status_key": status_key, "text": text, "variables": dict(variables or {})}
        return await self._api.post(PromptView, "/prompts", body)

    async def activate(self, agent: str, version: int, *, status_key: str = "default") -> PromptView:
        """Let a version be the active one."""
        return await self._api.post(PromptView, f"/prompts/{_part(agent)}/{_part(status_key)}/{version}/activate", {})


class RemoteMemories:
    """What the engine's memory variables do here, asked of a server."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def page(
        self, whose: Whose | None = None, *, name: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[MemoryView]:
        """Values by scope, owner and name; only those of one owner, if one is named."""
        asked = {**_owner(whose or Whose()), "name": name, "limit": limit, "cursor": cursor}
        return await self._api.get(Page[MemoryView], "/memories", **asked)

    async def get(self, whose: Whose, name: str) -> MemoryView:
        """One value, of exactly this owner."""
        found = (await self.page(whose, name=name, limit=500)).items
        # Without an owner the server lists those of everyone.
        exact = [view for view in found if view.scope == whose.scope]
        if not exact:
            message = f"there is no memory {name!r} there: see `genie memory variables`"
            raise MemoryNotFound(message)
        return exact[0]

    async def set(self, whose: Whose, name: str, value: str) -> MemoryView:
        """Keep a value."""
        return await self._api.put(MemoryView, "/memories", {"name": name, "value": value, **_owner(whose)})

    async def unset(self, whose: Whose, name: str) -> MemoryView:
        """Forget a value."""
        return await self._api.delete(MemoryView, f"/memories?{urlencode({'name': name, **_owner(whose)})}")


def _owner(whose: Whose) -> dict[str, str]:
    given = {"repo": whose.repo, "agent": whose.agent, "session": whose.session}
    return {name: owner for name, owner in given.items() if owner is not None}


def _part(given: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(given, safe="")
