"""Knowledge of one project, for whoever works on it: it never fails a piece of work, and never waits for a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from db.episodes import enqueue_alone
from engine.assembling import Installation
from epics.agent_errors import KnowledgeUnavailable, QueueFull
from epics.errors import StoreUnavailable
from epics.knowledge import ALL_GROUPS, Episode, Found, Group, Source
from memory.port import Query

PATIENCE_S: Final = 5.0
"""How long a store may take before the work goes on without it."""

Note = Callable[[str], Awaitable[None]]
"""Told why knowledge could not be read or written; events call that `knowledge_unavailable`."""


class ProjectKnowledge:
    """What is known of one project, and what is to be; bound to who asks and tells."""

    def __init__(self, installation: Installation, project: str, source: Source, *, note: Note | None = None) -> None:
        """Bind to a project by the name of its repository.

        Args:
            installation: whose store and queue are used.
            project: nothing of another is ever found.
            source: where what is told comes from.
            note: told when knowledge is unavailable; the log alone where there is none.
        """
        self._installation = installation
        self._project = project
        self._source = source
        self._note = note

    @property
    def is_on(self) -> bool:
        """Whether anything is remembered at all."""
        return self._installation.knowledge.name != "off"

    async def search(
        self, text: str, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 10, *, around: str | None = None
    ) -> tuple[Found, ...]:
        """The facts that fit a text best; nothing, and a note, where the store does not answer in time."""
        if not self.is_on:
            return ()
        query = Query(project=self._project, text=text, groups=groups, limit=limit, around=around)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._installation.knowledge.search(query)
        except TimeoutError:
            await self._unavailable(f"the store of knowledge did not answer within {PATIENCE_S:.0f} s")
        except KnowledgeUnavailable as error:
            await self._unavailable(str(error))
        return ()

    async def remember(self, key: str, text: str, group: Group, title: str, source: Source | None = None) -> None:
        """Put an episode into the queue, once by its key, and return; a worker stores it.

        A queue that is full, and a database that is away, are noted.
        """
        if not self.is_on:
            return
        episode = Episode(
            key=key,
            project=self._project,
            group=group,
            title=title,
            body=text,
            happened_at=datetime.now(UTC),
            source=source or self._source,
        )
        try:
            await enqueue_alone(self._installation.database.pool, episode)
        except (QueueFull, StoreUnavailable) as error:
            await self._unavailable(str(error))

    async def _unavailable(self, problem: str) -> None:
        structlog.get_logger().warning("knowledge is unavailable", project=self._project, problem=problem)
        if self._note is not None:
            await self._note(problem)
