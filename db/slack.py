"""The Slack workspace of this installation, and the channel in which an epic is shown."""

from __future__ import annotations

from collections.abc import Sequence

from db.connection import Connection, Pool
from db.epics import Row, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
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


async def try_threads_again(connection: Connection) -> None:
    """Try threads again that had no channel, or trouble with theirs, in the transaction that changed which channels there are."""
    await connection.execute(QUERIES["try_slack_threads_again"])


def channel_for(repo: str, mapped: Sequence[Row], default: str | None) -> str | None:
    """The channel in which a repository's epics are shown: its own, else the first whose pattern it fits, else the default."""
    own = [row["channel"] for row in mapped if row["repo"] == repo]
    fits = [row["channel"] for row in mapped if Grant(role=Role.VIEWER, repo=row["repo"]).covers(repo)]
    return next(iter((*own, *fits)), default)
