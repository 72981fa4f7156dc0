"""Where things are in Slack: the repository that a channel is about, and the thread of an epic."""

from __future__ import annotations

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.slack import try_threads_again
from epics.callers import current_caller


async def map_channel(pool: Pool, channel: str, repo: str, base: str | None) -> None:
    """Let a channel be about a repository, or a pattern of repositories; what it was about before is forgotten."""
    given = {"channel": channel, "repo": repo, "base": base, "by": current_caller().person}
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["map_slack_channel"], given)
            await try_threads_again(connection)
            await audited(connection, "map", kind="slack channel", subject=channel, repo=repo)


async def unmap_channel(pool: Pool, channel: str) -> bool:
    """Let a channel be about nothing; False if it was. Threads that are there stay."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES["unmap_slack_channel"], {"channel": channel})).fetchone()
            if row is not None:
                await audited(connection, "unmap", kind="slack channel", subject=channel, repo=row["repo"])
            return row is not None


async def mapped_channel(pool: Pool, channel: str) -> Row | None:
    """What a channel is about, or None."""
    return await fetch_one(pool, "slack_channel", {"channel": channel})


async def mapped_channels(pool: Pool) -> list[Row]:
    """All channels that are about something, in the order in which they were mapped."""
    return await fetch_all(pool, "list_slack_channels", {})


async def place_thread(connection: Connection, epic_id: str, *, channel: str, ts: str | None) -> None:
    """Say where the thread of an epic is to be, in the transaction that makes the epic.

    Args:
        connection: in that transaction.
        epic_id: the epic.
        channel: where its thread is to be.
        ts: the message under which it hangs; None for one of its own.
    """
    await connection.execute(QUERIES["place_slack_thread"], {"epic": epic_id, "channel": channel, "ts": ts})


async def epic_of_thread(pool: Pool, channel: str, ts: str) -> str | None:
    """The epic whose thread it is, or None."""
    row = await fetch_one(pool, "epic_of_slack_thread", {"channel": channel, "ts": ts})
    return None if row is None else str(row["epic_id"])
