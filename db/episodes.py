"""The queue of episodes: told once by their key, stored by whoever claims them, put off, given up, forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from db.cleaning import cleaned
from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.storable import jsonb, storable_text
from epics.agent_errors import QueueFull
from epics.knowledge import Episode, Fact, Group

MOST_WAITING: Final = 10_000
"""Episodes of one project that wait; more are not taken."""

_SAYS: Final = ("text", "subject", "relation", "object")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An episode that this process has claimed."""

    id: int
    claim: uuid.UUID
    project: str
    key: str
    episode: Episode | None
    """None for one that is forgotten: it is to be taken out of the store, and no more."""
    stale: bool
    """Whether the store may have other words under its key."""
    tries: int


async def enqueue_episode(connection: Connection, episode: Episode, *, most: int = MOST_WAITING, follows: bool = False) -> bool:
    """Put an episode into the queue, in the caller's transaction; False if its project has one of that key, whatever became of it.

    Secrets are taken out of it here, before it is kept anywhere.

    Args:
        connection: in whose transaction.
        episode: what is told.
        most: how many of its project may wait.
        follows: whether it is derived from other rows: told in other words than before, and not forgotten, the newer ones count.

    Raises:
        QueueFull: if too many of its project wait; nothing is written, and the transaction can go on.
    """
    told = cleaned(connection, episode.model_dump(mode="json", include={"title", "body", "facts", "source"}))
    project = await (await connection.execute(QUERIES["known_project"], {"project": episode.project})).fetchone()
    values = {
        "project": project["id"] if project else None,
        "key": episode.key,
        "shelf": episode.group,
        "title": storable_text(told["title"]),
        "body": storable_text(told["body"]),
        "happened_at": episode.happened_at,
        "source": jsonb(told["source"]),
        "facts": jsonb(told["facts"]),
        "most": most,
        "follows": follows,
    }
    row = await (await connection.execute(QUERIES["enqueue_episode"], values)).fetchone() or {}
    if row["is_full"] and not row["added"] and not row["known"]:
        message = f"{most} episodes of {episode.project} wait to be stored: see `genie memory queue`"
        raise QueueFull(message)
    return bool(row["added"])


async def enqueue_alone(pool: Pool, episode: Episode) -> bool:
    """As `enqueue_episode`, in a transaction of its own."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            return await enqueue_episode(connection, episode)


async def claim_episodes(pool: Pool, *, seconds: float, most: int, project: str | None = None) -> list[Waiting]:
    """Claim episodes that are due, of one project or of all, the oldest first: for so many seconds nobody else stores them."""
    claim = uuid.uuid4()
    rows = await fetch_all(pool, "claim_episodes", {"claim": claim, "seconds": seconds, "most": most, "project": project})
    return [
        Waiting(
            episode=None if row["refused"] else _episode(row),
            claim=claim,
            **{name: row[name] for name in ("id", "project", "key", "stale", "tries")},
        )
        for row in rows
    ]


async def episode_stored(pool: Pool, waiting: Waiting) -> bool:
    """Note that the store has it, or no more where it is forgotten; False, and nothing noted, if something else was decided meanwhile."""
    return await fetch_one(pool, "episode_stored", {"id": waiting.id, "claim": waiting.claim}) is not None


async def episode_failed(pool: Pool, waiting: Waiting, *, problem: str, wait_s: float, give_up_s: float, hopeless: bool) -> bool:
    """Put an episode off, and return whether it is dead instead."""
    values = {"id": waiting.id, "claim": waiting.claim, "problem": storable_text(problem)[:500], "wait": wait_s, "give_up": give_up_s}
    row = await fetch_one(pool, "episode_failed", {**values, "hopeless": hopeless})
    return row is not None and bool(row["dead"])


async def give_back(pool: Pool, claims: Iterable[uuid.UUID]) -> None:
    """Let others store at once what was claimed and not stored."""
    for claim in claims:
        await fetch_all(pool, "episode_given_back", {"claim": claim})


async def list_queued(pool: Pool, *, projects: list[str] | None, dead: bool, limit: int, own: str | None = None) -> list[Row]:
    """Episodes that are not stored, the oldest first; only those that were given up if `dead`.

    Args:
        pool: connections to the database.
        projects: of these; of all if None.
        dead: whether those alone are listed that were given up.
        limit: how many.
        own: of projects that are a person's own, this one alone; all if None.
    """
    return await fetch_all(pool, "list_queued", {"projects": projects, "dead": dead, "limit": limit, "own": own})


async def count_episodes(pool: Pool, project: str | None) -> dict[str, int]:
    """How many episodes are queued, stored, dead and refused."""
    return dict(await fetch_one(pool, "count_episodes", {"project": project}) or {})


async def retry_episodes(pool: Pool, project: str | None) -> int:
    """Try now what was given up or put off; return how many."""
    return len(await fetch_all(pool, "retry_episodes", {"project": project}))


async def queue_anew(connection: Connection, project: str | None) -> int:
    """Queue all episodes again but those that are forgotten; return how many."""
    return len(await (await connection.execute(QUERIES["queue_anew"], {"project": project})).fetchall())


async def refuse_episodes(connection: Connection, project: str, groups: Iterable[Group], key: str | None) -> int:
    """Empty episodes and keep them from being stored again; return how many."""
    values = {"project": project, "shelves": list(groups), "key": key}
    return len(await (await connection.execute(QUERIES["refuse_episodes"], values)).fetchall())


async def forget_fact_of_episode(connection: Connection, fact: Fact) -> int:
    """Keep one fact of an episode from being stored again; return how many episodes nothing is left of, 0 or 1."""
    row = await (await connection.execute(QUERIES["facts_of_episode"], {"project": fact.project, "key": fact.episode})).fetchone()
    if row is None:
        return 0
    if left := [each for each in row["facts"] if not all(each.get(name) == getattr(fact, name) for name in _SAYS)]:
        await connection.execute(QUERIES["keep_facts_of_episode"], {"id": row["id"], "facts": jsonb(left)})
        return 0
    return await refuse_episodes(connection, fact.project, (fact.group,), fact.episode)


def _episode(row: dict[str, Any]) -> Episode:
    # What is taken from the database was checked on its way in; cleaning may have made a text longer than is taken from people.
    return Episode.model_validate(
        {name: row[name] for name in ("key", "project", "title", "body", "happened_at", "source", "facts")} | {"group": row["shelf"]}
    )
