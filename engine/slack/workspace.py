"""The workspace of this installation, and which repository each of its channels is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from db.slack import map_channel, mapped_channels, register_workspace, unmap_channel, workspace
from engine.slack.views import ChannelView, SlackStatus, TroubledThread
from epics.errors import InvalidInput, NotFound
from timemachine.urls import is_url

_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{2,30}")
_MOST_NAME: Final = 4_096
_MOST_TROUBLED: Final = 20


class ChannelNotMapped(NotFound):
    """The channel is about no repository."""

    code = "channel_not_mapped"


class Workspace:
    """The workspace and what its channels are about."""

    def __init__(self, pool: Pool) -> None:
        """Bind to the database."""
        self._pool = pool

    async def register(self, team: str, bot_user: str, default_channel: str | None) -> None:
        """Keep which workspace the bot is in; from now on what happens to epics is shown there."""
        await register_workspace(self._pool, team, bot_user, default_channel)

    async def map(self, channel: str, repo: str, base: str | None = None) -> ChannelView:
        """Let a channel be about a repository: a path, a URL, or a pattern as in a grant.

        Raises:
            InvalidInput: if the channel is named otherwise than by its id, or there is no repository in it.
        """
        if not _CHANNEL.fullmatch(channel):
            raise InvalidInput(f"{channel[:80]!r} is no id of a channel: open the channel's details in Slack, its id is at the bottom")
        name = repo.strip()
        if not 1 <= len(name) <= _MOST_NAME or any(char < " " for char in name):
            raise InvalidInput("name a repository: a path, a URL, or a pattern such as https://git.example.org/shop/*")
        # As epics name it, so that those of the repository are found.
        named = name if is_url(name) or name.startswith("*") else str(Path(name).expanduser().resolve())
        await map_channel(self._pool, channel, named, base)
        return await self.of(channel)

    async def unmap(self, channel: str) -> None:
        """Let a channel be about nothing.

        Raises:
            ChannelNotMapped: if it is already.
        """
        if not await unmap_channel(self._pool, channel):
            raise _not_mapped(channel)

    async def of(self, channel: str) -> ChannelView:
        """What a channel is about.

        Raises:
            ChannelNotMapped: if it is about nothing.
        """
        found = next((each for each in await self.all() if each.channel == channel), None)
        if found is None:
            raise _not_mapped(channel)
        return found

    async def all(self) -> tuple[ChannelView, ...]:
        """All channels that are about something."""
        return tuple(ChannelView.model_validate(row) for row in await mapped_channels(self._pool))

    async def status(self) -> SlackStatus:
        """How it stands with Slack."""
        known = await workspace(self._pool) or {}
        waits = await fetch_one(self._pool, "slack_backlog", {}) or {}
        troubled = await fetch_all(self._pool, "slack_troubled_threads", {"limit": _MOST_TROUBLED})
        return SlackStatus(
            team=known.get("team"),
            bot_user=known.get("bot_user"),
            default_channel=known.get("default_channel"),
            **{name: waits[name] for name in ("posted", "waiting", "oldest_s", "given_up", "failures")},
            troubled=tuple(TroubledThread.model_validate(row) for row in troubled),
        )


def _not_mapped(channel: str) -> ChannelNotMapped:
    return ChannelNotMapped(
        f"channel {channel[:80]} is about no repository: see `genie slack channels`, or `genie slack map {channel[:80]} REPO`"
    )
