"""Cancelling a request: nothing of it is begun any more, and what is begun is cancelled."""

from __future__ import annotations

from contextlib import suppress

from db.asks import cancel_ask, part_rows
from engine.assembling import Installation
from engine.routing.carrying import works_of
from engine.routing.reading import ask_view
from engine.routing.views import AskView
from engine.runs.cancelling import cancel_run
from epics.asks import AskStatus
from epics.errors import Conflict
from epics.runs import is_run


async def cancel_request(installation: Installation, ask_id: str, *, by: str, reason: str) -> AskView:
    """End a request and all that does a part of it.

    Raises:
        Conflict: if it has ended already.
    """
    from engine.time_machine.cancelling import cancel_epic  # noqa: PLC0415  # reads checkpoints, for which LangGraph is imported

    pool = installation.database.pool
    is_first = await cancel_ask(pool, ask_id)
    works = works_of(await part_rows(pool, [ask_id]))
    if not is_first:
        view = await ask_view(pool, ask_id)
        # One who was stopped in the middle of it comes again for the rest.
        if view.status is not AskStatus.CANCELLED or not works:
            raise Conflict(f"request {ask_id} has ended already: it is {view.status}")
    why = reason or f"request {ask_id} was cancelled"
    for work in works.values():
        # What has ended by itself meanwhile needs no end.
        with suppress(Conflict):
            await (cancel_run if is_run(work) else cancel_epic)(installation, work, by=by, reason=why)
    return await ask_view(pool, ask_id)
