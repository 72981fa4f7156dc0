"""The events of an epic as a stream (server-sent events)."""

from __future__ import annotations

import resource
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from api.deps import EngineDep, EpicId, serving_of
from api.problems import problems
from api.schemas import LARGEST_INT
from api.shown import StillLetIn, shown_in
from api.strictness import StrictRoute
from engine.views import EpicView, EventView, Page
from epics.errors import GenieError, InvalidInput, ServerBusy, StoreUnavailable

router = APIRouter(prefix="/epics/{id}", tags=["events"], route_class=StrictRoute)

KEEP_ALIVE_S: Final = 15.0

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Each event has the number of the event as `id`, its type as `event`, and {id, type, time, data} as `data`. "
        "When the epic has ended, a last event `end` has {status}, and the stream ends. "
        "A client that accepts application/json and no stream gets the next events that there are, as a list.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "model": Page[EventView],
    }
}


@router.get("/events", response_class=StreamingResponse, responses={**_STREAM, **problems(404)})
async def stream_events(
    id: EpicId,  # noqa: A002  # the name in the path
    engine: EngineDep,
    request: Request,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_INT, description="Only events after this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Of a list: how many at most.")] = 200,
    last_event_id: Annotated[str | None, Header(max_length=20, description="As `after`; browsers send it when they connect again.")] = None,
    accept: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Response:
    """Follow an epic from its first event, or from the one after the last that was seen; every server of the database tells the same."""
    serving = serving_of(request)
    begin = after if last_event_id is None else _number(last_event_id)
    if _wants_list(accept or ""):
        events = await engine.events(id, after=begin or 0, limit=limit)
        page = Page[EventView](items=events, next=str(events[-1].id) if len(events) == limit else None)
        return Response(page.model_dump_json(), media_type="application/json")
    if serving.news is None:
        raise StoreUnavailable(serving.trouble)
    _leave_room(serving.news.followers)
    epic = await engine.epic(id)
    told = engine.follow(epic.id, serving.news, after=begin or 0, stopping=serving.stopping, quiet_s=KEEP_ALIVE_S)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    still_let_in = StillLetIn(engine, shown_in(request), epic.repo)
    return StreamingResponse(encoded(told, still_let_in), media_type="text/event-stream", headers=headers)


async def encoded(told: AsyncGenerator[EventView | EpicView | None], still_let_in: StillLetIn) -> AsyncGenerator[bytes]:
    """The events as a client reads them, for as long as it is let in."""
    # At once, so that a client knows that it is connected.
    yield b": connected\n\n"
    try:
        async for each in told:
            await still_let_in.check()
            yield encode(each)
    except GenieError:
        # The key holds no more, the database is away, or the epic was deleted: the client connects again, and goes on or is told so.
        return
    finally:
        await told.aclose()


def encode(each: EventView | EpicView | None) -> bytes:
    """One message of the stream; JSON has no line break in it."""
    match each:
        case EventView():
            return f"id: {each.id}\nevent: {each.type}\ndata: {each.model_dump_json()}\n\n".encode()
        case EpicView():
            return f'event: end\ndata: {{"status":"{each.status}"}}\n\n'.encode()
        case None:
            return b": quiet\n\n"


def _leave_room(streams: int) -> None:
    """See that streams take no more than half of the open files that this process may have: other requests need some too."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
    if streams >= most:
        raise ServerBusy(f"{streams} streams are open at this server, as many as it may have: ask another, or raise its `ulimit -n`")


def _wants_list(accept: str) -> bool:
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return "application/json" in kinds and not kinds & {"text/event-stream", "text/*"}


def _number(last_event_id: str) -> int:
    if not last_event_id:
        return 0
    if not last_event_id.isascii() or not last_event_id.isdecimal() or int(last_event_id) > LARGEST_INT:
        message = f"Last-Event-ID is the number of an event, not {last_event_id!r}"
        raise InvalidInput(message)
    return int(last_event_id)
