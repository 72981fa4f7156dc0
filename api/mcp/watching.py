"""The tool that follows an epic: it answers when there is something to do for who asked, or when its time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field

from api.mcp.answers import text_of
from api.mcp.door import Call, Door
from api.mcp.tool import Arguments, EpicId, McpTool, Tell
from api.schemas import LARGEST_INT

LONGEST_S: Final = 60.0

_LOOK_AGAIN_S: Final = 0.5
"""Asked often enough for people, and by so few that no database minds; it is the same for a server that is far away."""
_MOST_EVENTS: Final = 100
_MOST_CHARS: Final = 30_000
"""Of the events of one answer, which comes whole, with the epic beside them."""
_AT_WORK: Final = frozenset({"queued", "running"})
_WAITING: Final = "waiting"


class WatchEpic(Arguments):
    """Which epic, from where, and how long."""

    epic: EpicId
    after: Annotated[int, Field(ge=0, le=LARGEST_INT, strict=True)] = Field(
        default=0, description="Only events after this one: `last` of the answer before."
    )
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)] = Field(
        default=30.0, description="How long to wait for the epic to rest: to wait for a person, to pause or to end. 0 looks once."
    )


async def watch(door: Door, given: WatchEpic, tell: Tell) -> dict[str, Any]:
    """The epic, and what has happened in it since, when it rests, when there is a page of news, or when the time is over."""
    begun = asyncio.get_running_loop().time()
    told = _Told(given.after)
    while True:
        # Before the events: what it has come to by then is told by one of them.
        epic = await door.ask(Call(method="GET", path=f"/epics/{given.epic}"))
        query = {"after": told.last, "limit": _MOST_EVENTS}
        news = (await door.ask(Call(method="GET", path=f"/epics/{given.epic}/events", query=query)))["items"]
        waited = asyncio.get_running_loop().time() - begun
        for event in told.take(news):
            await tell(waited, f"{event['id']} {event['type']}")
        rests = told.is_full or _rests(epic) or waited >= given.wait_s
        if rests or not await door.pause(min(_LOOK_AGAIN_S, max(given.wait_s - waited, 0.01))):
            return {"epic": epic, "events": told.events, "last": told.last, "more": told.is_full}


class _Told:
    """The events of one answer, as many as fit."""

    def __init__(self, after: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.last = after
        self.is_full = False
        self._chars = 0

    def take(self, news: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for event in news:
            self._chars += len(text_of(event))
            self.is_full = bool(self.events) and (len(self.events) >= _MOST_EVENTS or self._chars > _MOST_CHARS)
            if self.is_full:
                return
            self.events.append(event)
            self.last = event["id"]
            yield event


def _rests(epic: dict[str, Any]) -> bool:
    # When its approval is decided it still waits, for a worker, and for nobody else.
    return epic["status"] not in _AT_WORK and (epic["status"] != _WAITING or epic["waiting_on"] is not None)


WATCH_EPIC: Final = McpTool(
    name="watch_epic",
    title="Watch an epic",
    description="Wait until an epic rests (waits for a person, is paused, has ended) or wait_s is over, and tell what happened after the "
    "event `after`. Ask again with `after` = `last` to go on. Where `waiting_on` names an approval, show_approval says what is asked.",
    arguments=WatchEpic,
    work=watch,
    reads=True,
)
