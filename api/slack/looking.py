"""Looking in Slack for what is there: the messages that carry keys of ours, those that are there twice, and those of which no row knows."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from api.slack.calls import SlackCalls
from db.epics import Row

CLOCKS_DIFFER_S: Final = 600.0
"""By so much Slack's clock and ours may differ, when messages since a time are looked for."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the messages of an epic are."""

    epic: str
    channel: str
    ts: str | None
    """The first message of the thread; None while there is none."""


async def find(calls: SlackCalls, place: Place, key: str, *, since: float) -> list[str]:
    """Where the message with a key is; empty if it is not there, and more than one if it is there twice."""
    return (await calls.found(place.channel, place.ts, since=since - CLOCKS_DIFFER_S)).get(key, [])


async def put_right(calls: SlackCalls, place: Place, posts: Mapping[str, Row], wanted: Collection[str] | None, *, since: float) -> None:
    """Delete what is there and should not be.

    Args:
        calls: of Slack.
        place: where to look.
        posts: the rows of the messages.
        wanted: the keys of all messages that are to be there, where the database was restored: others that carry the epic's keys are from
            a time that it does not know, and their buttons would decide nothing. None to leave them.
        since: from when on.
    """
    if place.ts is None:
        return
    log = structlog.get_logger().bind(epic=place.epic)
    places = await calls.found(place.channel, place.ts, since=min(since, float(place.ts)) - CLOCKS_DIFFER_S)
    root = next((row for row in posts.values() if row["kind"] == "root" and row["ts"] == place.ts), None)
    if root is not None:
        # The first message of a thread of its own stands in the channel, and so does one that is there twice.
        begun = min(float(root["intended_at"] or time.time()), float(place.ts))
        places |= await calls.found(place.channel, None, since=begun - CLOCKS_DIFFER_S)
    for key, found in places.items():
        if not key.startswith(f"{place.epic}:"):
            continue
        row = posts.get(key)
        is_unknown = wanted is not None and key not in wanted and row is None
        kept = None if row is None else row["ts"]
        for ts in found:
            if is_unknown or (kept is not None and ts != kept):
                log.warning("a message in Slack is one too many", key=key)
                await calls.delete(place.channel, ts)
