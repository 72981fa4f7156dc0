"""Knowledge by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from cli.api_client import ApiClient
from engine.knowledge.views import EpisodeTaken, Forgotten, KnowledgeStats, QueuedEpisode, Rebuilt, Retried
from engine.views import Page
from epics.knowledge import ALL_GROUPS, Entity, Episode, Fact, Found, Group
from memory.port import Forgetting, Listing, Query


class RemoteKnowledge:
    """What the engine's knowledge does here, asked of a server; its workers store what is told."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best, best first."""
        asked = {
            "repo": query.project,
            "q": query.text,
            "around": query.around,
            "limit": query.limit,
            "as_of": query.as_of and str(query.as_of),
        }
        return (await self._api.get(Page[Found], "/knowledge/search", **asked, **_groups(query.groups))).items

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """Facts, the newest first."""
        asked = {"repo": listing.project, "about": listing.about, "limit": listing.limit, "cursor": listing.before}
        when = listing.as_of and str(listing.as_of)
        return (await self._api.get(Page[Fact], "/knowledge/facts", **asked, as_of=when, **_groups(listing.groups))).items

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact."""
        return await self._api.get(Fact, f"/knowledge/facts/{quote(fact_id, safe='')}", repo=project)

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """What facts are about."""
        return (await self._api.get(Page[Entity], "/knowledge/entities", repo=project, limit=limit, **_groups(groups))).items

    async def stats(self, project: str | None = None) -> KnowledgeStats:
        """How much is known."""
        return await self._api.get(KnowledgeStats, "/knowledge/stats", repo=project)

    async def add(self, episode: Episode) -> bool:
        """Tell something."""
        told = {"repo": episode.project, "group": episode.group, "title": episode.title, "text": episode.body}
        body = {**told, "key": episode.key.removeprefix("told:"), "happened_at": episode.happened_at.isoformat()}
        return (await self._api.post(EpisodeTaken, "/knowledge/episodes", body)).is_new

    async def forget(self, forgetting: Forgetting) -> Forgotten:
        """Forget for good."""
        if forgetting.fact is not None:
            asked = {"repo": forgetting.project}
            return await self._api.delete(Forgotten, f"/knowledge/facts/{quote(forgetting.fact, safe='')}?{urlencode(asked)}")
        given: dict[str, Any] = {"repo": forgetting.project, **_groups(forgetting.groups)}
        if forgetting.episode is not None:
            given["episode"] = forgetting.episode
        return await self._api.delete(Forgotten, f"/knowledge/facts?{urlencode(given, doseq=True)}")

    async def queue(self, project: str | None = None, *, dead: bool = False, limit: int = 50) -> tuple[QueuedEpisode, ...]:
        """What waits to be stored."""
        return (await self._api.get(Page[QueuedEpisode], "/knowledge/queue", repo=project, dead=dead, limit=limit)).items

    async def retry(self, project: str | None = None) -> int:
        """Have tried what was put off or given up."""
        return (await self._api.post(Retried, "/knowledge/queue/retry", {"repo": project})).queued

    async def rebuild(self, project: str | None = None) -> Rebuilt:
        """Store all that was ever told again."""
        return await self._api.post(Rebuilt, "/knowledge/rebuild", {"repo": project})

    async def settle(self, seconds: float, project: str | None = None) -> None:
        """Leave it to the server's workers."""


def _groups(groups: tuple[Group, ...]) -> dict[str, Any]:
    return {} if set(groups) == set(ALL_GROUPS) else {"group": list(groups)}
