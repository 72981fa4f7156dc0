"""The Slack workspace of this installation, and the channel in which an epic is shown."""

from __future__ import annotations

from collections.abc import Sequence

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from epics.callers import current_caller
from epics.roles import Grant, Role


async def register_workspace(pool: Pool, team: str, bot_user: str, default_channel: str | None) -> bool:
    """Keep which workspace the bot is in; whether it is new. From now on events mark the threads of their epics.

    Args:
        pool: connections to the database.
        team: the id of the workspace.
        bot_user: the id of the app's own user there.
        default_channel: for repositories without a channel of their own.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            given = {"team": team, "bot_user": bot_user, "default_channel": default_channel}
            row = await (await connection.execute(QUERIES["register_slack_workspace"], given)).fetchone()
            is_new = row is not None and bool(row["is_new"])
            if is_new:
                await connection.execute(QUERIES["forget_other_slack_workspace"])
                await connection.execute(QUERIES["mark_waiting_for_slack"])
            await try_threads_again(connection)
            return is_new


async def workspace(pool: Pool) -> Row | None:
    """The workspace, or None if none was ever registered."""
    return await fetch_one(pool, "slack_workspace", {})


async def map_channel(pool: Pool, channel: str, repo: str, base: str | None) -> None:
    """Let a channel be about a repository, or about those that fit a pattern; audited."""
    given = {"channel": channel, "repo": repo, "base": base, "by": current_caller().person}
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["map_slack_channel"], given)
            await try_threads_again(connection)
            await audited(connection, "map", kind="slack_channel", subject=channel, repo=repo)


async def unmap_channel(pool: Pool, channel: str) -> bool:
    """Let a channel be about nothing; False if it was. Threads that are there stay. Audited."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES["unmap_slack_channel"], {"channel": channel})).fetchone()
            if row is not None:
                await audited(connection, "unmap", kind="slack_channel", subject=channel, repo=row["repo"])
            return row is not None


async def mapped_channel(pool: Pool, channel: str) -> Row | None:
    """What a channel is about, or None."""
    return await fetch_one(pool, "slack_channel", {"channel": channel})


async def mapped_channels(pool: Pool) -> list[Row]:
    """All channels that are about something, in the order in which they were mapped."""
    return await fetch_all(pool, "slack_channels", {})


async def bind_thread(connection: Connection, epic_id: str, channel: str, ts: str | None) -> None:
    """Say where the thread of an epic is to be, in the transaction that makes the epic.

    Args:
        connection: in that transaction.
        epic_id: the epic.
        channel: where its thread is to be.
        ts: the message under which it hangs; None for one of its own.
    """
    await connection.execute(QUERIES["bind_slack_thread"], {"epic": epic_id, "channel": channel, "ts": ts})


async def epic_of_thread(pool: Pool, channel: str, ts: str) -> str | None:
    """The epic whose thread it is, or None."""
    row = await fetch_one(pool, "epic_of_slack_thread", {"channel": channel, "ts": ts})
    return None if row is None else str(row["epic_id"])


async def try_threads_again(connection: Connection) -> None:
    """Try threads again that had no channel, or trouble with theirs, in the transaction that changed which channels there are."""
    await connection.execute(QUERIES["try_slack_threads_again"])


def channel_for(repo: str, mapped: Sequence[Row], default: str | None) -> str | None:
    """The channel in which a repository's epics are shown: its own, else the first whose pattern it fits, else the default."""
    own = [row["channel"] for row in mapped if row["repo"] == repo]
    fits = [row["channel"] for row in mapped if Grant(role=Role.VIEWER, repo=row["repo"]).covers(repo)]
    return next(iter((*own, *fits)), default)


def is_pattern(repo: str) -> bool:
    """Whether it stands for several repositories."""
    return "*" in repo
