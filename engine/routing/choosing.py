"""Saying who does the parts of a request for which the scores did not tell."""

from __future__ import annotations

from collections.abc import Mapping

from db.asks import choose, part_rows
from db.audit import audited
from db.failures import foreseen
from engine.assembling import Installation
from engine.routing.asking import WithinAsk
from engine.routing.candidates import scene_of
from engine.routing.reading import ask_view
from engine.routing.views import AskView
from epics.asks import AskStatus, PartStatus
from epics.callers import current_caller
from epics.errors import Conflict, InvalidInput, WorkflowNotFound
from epics.roles import Deed


async def choose_agents(installation: Installation, ask_id: str, chosen: Mapping[int, str], *, within: WithinAsk | None = None) -> AskView:
    """Say who does parts of a request that waits for that; when each part has somebody, it begins.

    Args:
        installation: where it is done.
        ask_id: the request.
        chosen: the agent by the number of the part; 0 stands for every part that waits.
        within: what else is written in the transaction of the choice.

    Raises:
        Conflict: if the request waits for no choice, or somebody was quicker.
        InvalidInput: if a part is not there.
        WorkflowNotFound: if an agent is not there.
        Forbidden: if the caller may run nothing there.
    """
    pool = installation.database.pool
    view = await ask_view(pool, ask_id)
    current_caller().check(Deed.RUN, view.repo)
    if view.status is not AskStatus.NEEDS_CHOICE:
        raise Conflict(f"request {ask_id} waits for no choice: it is {view.status}")
    open_parts = {row["n"] for row in await part_rows(pool, [ask_id]) if row["status"] == PartStatus.NEEDS_CHOICE}
    wanted = {**dict.fromkeys(open_parts if 0 in chosen else (), chosen.get(0, "")), **{n: name for n, name in chosen.items() if n}}
    if strange := sorted(set(wanted) - open_parts):
        raise InvalidInput(f"part {strange[0]} waits for no choice; there are {', '.join(map(str, sorted(open_parts)))}")
    scene = await scene_of(installation, view.repo or None, view.base)
    for name in wanted.values():
        if name not in scene.names:
            # As the catalog says it, broken ones too.
            scene.catalog.get(name)
            raise WorkflowNotFound(f"there is no agent {name!r}; there are {', '.join(scene.names)}")
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            taken = await choose(connection, ask_id, wanted)
            if not taken:
                raise Conflict(f"somebody else has chosen for request {ask_id} meanwhile")
            if within is not None:
                await within(connection, ask_id)
            said = {str(n): wanted[n] for n in taken}
            await audited(connection, "choose", kind="ask", subject=ask_id, repo=view.repo, data=said)
    return await ask_view(pool, ask_id)
