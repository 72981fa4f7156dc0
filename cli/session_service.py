"""What the commands ask of conversations, prompts and memory variables, whoever answers: the engine here, or a server by its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.memories_for_faces import Whose
from engine.prompts.views import MemoryView, PromptView
from engine.sessions.views import MessageView, SessionView
from engine.views import Page


class SessionService(Protocol):
    """The calls that `engine.sessions_for_faces.Sessions` and `RemoteSessions` both have; the first says what each of them does."""

    async def create(self, agent: str, *, name: str | None = None, repo: str | None = None) -> SessionView:
        """Begin a conversation."""
        ...

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
        ...

    async def show(self, session: str) -> SessionView:
        """One conversation."""
        ...

    async def messages(self, session: str, *, limit: int = 50, cursor: str | None = None, back: bool = False) -> Page[MessageView]:
        """What was said."""
        ...

    async def rename(self, session: str, name: str) -> SessionView:
        """Give it a name."""
        ...

    async def close(self, session: str) -> SessionView:
        """Let nothing more be said."""
        ...

    async def reopen(self, session: str) -> SessionView:
        """Let it go on."""
        ...

    async def remove(self, session: str) -> SessionView:
        """Forget it."""
        ...


class PromptService(Protocol):
    """The calls that `engine.prompts_for_faces.Prompts` and `RemotePrompts` both have."""

    async def page(
        self, *, agent: str | None = None, status_key: str | None = None, active: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[PromptView]:
        """Versions."""
        ...

    async def show(self, agent: str, status_key: str = "default", version: int | None = None) -> PromptView:
        """One version; the active one if none is named."""
        ...

    async def add(self, agent: str, text: str, *, status_key: str = "default", variables: Mapping[str, str] | None = None) -> PromptView:
        """Add the next version."""
        ...

    async def activate(self, agent: str, version: int, *, status_key: str = "default") -> PromptView:
        """Let a version be the active one."""
        ...


class MemoryService(Protocol):
    """The calls that `engine.memories_for_faces.Memories` and `RemoteMemories` both have."""

    async def page(
        self, whose: Whose | None = None, *, name: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[MemoryView]:
        """Values."""
        ...

    async def get(self, whose: Whose, name: str) -> MemoryView:
        """One value."""
        ...

    async def set(self, whose: Whose, name: str, value: str) -> MemoryView:
        """Keep a value."""
        ...

    async def unset(self, whose: Whose, name: str) -> MemoryView:
        """Forget a value."""
        ...
