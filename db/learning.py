"""What there is to learn from: the marks of epics with news, and the rows of one epic's past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.episodes import enqueue_episode
from db.failures import foreseen
from db.queries import QUERIES
from epics.knowledge import Episode, owner_of

_KINDS: Final = ("moments", "attempts", "analyses", "decisions", "sayings")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An epic or run to which something happened that may teach."""

    epic: str
    news: int
    """The newest event that may."""


async def claim_marks(pool: Pool, *, most: int) -> list[Mark]:
    """Marks that are due, for a while nobody else's."""
    return [Mark(epic=row["epic_id"], news=row["news"]) for row in await fetch_all(pool, "claim_learning_marks", {"most": most})]


async def settle_mark(pool: Pool, mark: Mark, episodes: Iterable[Episode]) -> int:
    """Queue what an epic taught and take its mark away, together or not at all; say how many episodes are new.

    A mark that was set anew meanwhile stays: there is more to be told.

    Raises:
        QueueFull: if the queue takes no more of this project; the mark stays.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            new = [await enqueue_episode(connection, episode, follows=True) for episode in episodes]
            await connection.execute(QUERIES["clear_learning_mark"], {"epic": mark.epic, "news": mark.news})
    return sum(new)


async def learn_anew(connection: Connection, project: str | None) -> None:
    """Mark all epics and runs of a project, or all there are, in the transaction at hand: whoever takes marks tells what is not known."""
    owner = None if project is None else owner_of(project)
    await connection.execute(QUERIES["learn_anew"], {"project": project, "owner": owner})


async def read_past(pool: Pool, epic_id: str) -> dict[str, Any] | None:
    """The row of an epic or run, and the rows that tell of its past, by their kind; None if there is no such epic."""
    asked = {"epic": epic_id}
    epic = await fetch_one(pool, "learn_epic", asked)
    if epic is None:
        return None
    return {"epic": epic, **{kind: await fetch_all(pool, f"learn_{kind}", asked) for kind in _KINDS}}


async def recalled_of_task(pool: Pool, epic_id: str, task_id: str) -> Row | None:
    """What the attempt of a task recalls, as {recalled}, null for nothing; None if it was not opened yet."""
    return await fetch_one(pool, "recalled_of_task", {"epic": epic_id, "task": task_id})
