"""What the faces do with knowledge: search, list, show, forget, count, add, rebuild, and look at the queue."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from db.audit import audited, audited_alone
from db.episodes import count_episodes, enqueue_episode, forget_fact_of_episode, list_queued, queue_anew, refuse_episodes, retry_episodes
from db.failures import foreseen
from db.learning import learn_anew
from engine.assembling import Installation
from engine.knowledge.pump import Pump
from engine.knowledge.standing import KnowledgeStanding, SearchesByMeaning, standing_of
from engine.knowledge.views import Forgotten, KnowledgeStats, QueuedEpisode, Rebuilt
from engine.refusals import refusals_told
from epics.access_errors import Forbidden
from epics.callers import current_caller
from epics.errors import InvalidInput
from epics.knowledge import ALL_GROUPS, Entity, Episode, Fact, Found, Group, own_project
from epics.roles import Deed
from memory.port import Forgetting, Listing, Query


class KnowledgeForFaces:
    """The use cases of knowledge; `Engine.knowledge` gives them. Each is held against the caller's role on the project's repository."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open installation."""
        self._installation = installation
        self._store = installation.knowledge
        self._pool = installation.database.pool

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best, best first.

        Raises:
            Forbidden: if the caller may not read there.
            KnowledgeUnavailable: if the store does not answer.
        """
        current_caller().check(Deed.READ, query.project)
        return await self._store.search(query)

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """Facts of a project, the newest first; see `search` for what is raised."""
        current_caller().check(Deed.READ, listing.project)
        return await self._store.facts(listing)

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact of a project.

        Raises:
            Forbidden: if the caller may not read there.
            FactNotFound: if the project has none of that id.
            KnowledgeUnavailable: if the store does not answer.
        """
        current_caller().check(Deed.READ, project)
        return await self._store.fact(project, fact_id)

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities of a project that most facts name; see `search` for what is raised."""
        current_caller().check(Deed.READ, project)
        return await self._store.entities(project, groups=groups, limit=limit)

    async def stats(self, project: str | None = None) -> KnowledgeStats:
        """How much is known and how much waits, of a project or of all; of all only for who may read all."""
        _may_read(project)
        counts = await self._store.counts(project)
        without = await self._store.without_vectors() if isinstance(self._store, SearchesByMeaning) else None
        told = await count_episodes(self._pool, project)
        return KnowledgeStats(store=self._store.name, known=counts, episodes=told, without_vectors=without)

    async def add(self, episode: Episode) -> bool:
        """Let a person tell something; False if it was told before by that key.

        Raises:
            Forbidden: if the caller may not start anything there.
            QueueFull: if too many wait already.
        """
        async with self._allowed("remember", Deed.START, episode.project):
            with foreseen():
                async with self._pool.connection() as connection, connection.transaction():
                    if added := await enqueue_episode(connection, episode):
                        await audited(connection, "remember", kind="knowledge", subject=episode.key, repo=episode.project)
            return added

    async def forget(self, forgetting: Forgetting) -> Forgotten:
        """Forget for good: what is told again by the same key, or by a rebuild, stays forgotten.

        Raises:
            Forbidden: if the caller may not administer the project.
            InvalidInput: if neither a fact, nor an episode, nor groups are named.
            FactNotFound: if there is no such fact.
            KnowledgeUnavailable: if the store does not answer; workers go on with whole episodes, a single fact is asked for again.
        """
        async with self._allowed("forget", Deed.ADMINISTER, forgetting.project):
            if forgetting.fact is None and forgetting.episode is None and set(forgetting.groups) == set(ALL_GROUPS):
                message = "say what is to be forgotten: a fact, an episode, or a group"
                raise InvalidInput(message)
            fact = await self._store.fact(forgetting.project, forgetting.fact) if forgetting.fact is not None else None
            # First of all: a store that fails in the middle is asked again, and nothing puts anything back meanwhile.
            episodes = await self._never_again(forgetting, fact)
            return Forgotten(facts=await self._store.forget(forgetting), episodes=episodes)

    async def _never_again(self, forgetting: Forgetting, fact: Fact | None) -> int:
        subject = forgetting.fact or forgetting.episode or ", ".join(forgetting.groups)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                if fact is not None:
                    episodes = await forget_fact_of_episode(connection, fact)
                else:
                    episodes = await refuse_episodes(connection, forgetting.project, forgetting.groups, forgetting.episode)
                await audited(connection, "forget", kind="knowledge", subject=subject, repo=forgetting.project)
        return episodes

    async def queue(self, project: str | None = None, *, dead: bool = False, limit: int = 50) -> tuple[QueuedEpisode, ...]:
        """Episodes that are not stored, the oldest first: of a project, or of all for who may read all."""
        _may_read(project)
        caller = current_caller()
        own = None if caller.may(Deed.ADMINISTER) else own_project(caller.person)
        found = await list_queued(self._pool, projects=None if project is None else [project], dead=dead, limit=limit, own=own)
        return tuple(QueuedEpisode.model_validate(row) for row in found)

    async def retry(self, project: str | None = None) -> int:
        """Have tried now what was given up or put off; return how many."""
        async with self._allowed("retry", Deed.ADMINISTER, project):
            return await retry_episodes(self._pool, project)

    async def rebuild(self, project: str | None = None) -> Rebuilt:
        """Wipe the store, queue all that was ever told again, and look anew at what epics taught, of a project or of all; workers store it.

        Raises:
            Forbidden: if the caller may not administer the project, or all.
            KnowledgeUnavailable: if the store does not answer; asked again, it goes on.
        """
        async with self._allowed("rebuild", Deed.ADMINISTER, project):
            await audited_alone(self._pool, "rebuild", kind="knowledge", subject=project or "all", repo=project or "", answer="asked")
            before = await self._store.counts(project)
            await self._store.wipe(project)
            with foreseen():
                async with self._pool.connection() as connection, connection.transaction():
                    queued = await queue_anew(connection, project)
                    await learn_anew(connection, project)
            return Rebuilt(before=before, queued=queued)

    async def standing(self) -> KnowledgeStanding:
        """How the store stands, for whoever looks after the installation."""
        return await standing_of(self._store)

    async def settle(self, seconds: float, project: str | None = None) -> None:
        """Store here what is due, for so many seconds at most, as a worker would."""
        await Pump(self._installation).settle(seconds, project)

    @asynccontextmanager
    async def _allowed(self, deed: str, needs: Deed, project: str | None) -> AsyncGenerator[None]:
        async with refusals_told(self._pool, deed, kind="knowledge", subject=project or "all", repo=project or ""):
            current_caller().check(needs, project)
            yield


def _may_read(project: str | None) -> None:
    """Hold reading against the roles; of all projects together reads only who may read each.

    Raises:
        Forbidden: if it is not allowed.
    """
    current_caller().check(Deed.READ, project)
    if project is None and current_caller().grants_for(Deed.READ) is not None:
        message = "name a repository with --repo (over HTTP: repo): of all together is told to those alone who may read all"
        raise Forbidden(message)
