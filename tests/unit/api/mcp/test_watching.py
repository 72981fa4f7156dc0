"""Watching an epic by MCP, without a server."""

from __future__ import annotations

import asyncio
import json

from api.mcp.door import AppDoor
from api.mcp.watching import WatchEpic, watch


async def test_who_watches_is_answered_at_once_when_the_server_is_to_end():
    stopping = asyncio.Event()
    epic = {"status": "running", "waiting_on": None}

    async def app(scope, _receive, send):
        body = {"items": []} if scope["path"].endswith("/events") else epic
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def tell(_done, _said):
        raise AssertionError

    stopping.set()
    async with asyncio.timeout(20):
        told = await watch(AppDoor(app, stopping), WatchEpic(epic="e-1", wait_s=60.0), tell)

    assert told == {"epic": epic, "events": [], "last": 0, "more": False}


class Played:
    """A door behind which an epic has more to tell than fits one answer."""

    def __init__(self, events):
        self._events = events

    async def ask(self, call):
        if not call.path.endswith("/events"):
            return {"status": "waiting", "waiting_on": "a-1"}
        return {"items": [event for event in self._events if event["id"] > call.query["after"]][: call.query["limit"]]}

    async def pause(self, seconds):
        return seconds > 0


async def test_more_events_than_fit_come_with_the_next_answers_and_none_is_lost():
    events = [{"id": n, "type": "turn_taken", "data": "x" * 1_000} for n in range(1, 101)]
    door, seen, after, more = Played(events), [], 0, True

    async def tell(_done, _said):
        pass

    while more:
        told = await watch(door, WatchEpic(epic="e-1", after=after, wait_s=0.0), tell)
        seen += told["events"]
        after, more = told["last"], told["more"]
        assert len(json.dumps(told["events"])) < 40_000

    assert seen == events


async def test_an_epic_whose_approval_is_decided_is_waited_for():
    asked = []

    class Decided(Played):
        async def ask(self, call):
            answer = await super().ask(call)
            asked.append(call.path)
            return answer if "items" in answer else {"status": "waiting", "waiting_on": None if len(asked) < 3 else "a-2"}

    async def tell(_done, _said):
        pass

    told = await watch(Decided([]), WatchEpic(epic="e-1", wait_s=5.0), tell)

    assert told["epic"]["waiting_on"] == "a-2"
