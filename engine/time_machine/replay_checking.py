"""Checking histories against the graph of now: which of the epics in flight would break, and which saved ones go another way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from db.epics import fetch_all, fetch_one
from engine.assembling import Installation
from engine.compatibility import why_strange
from engine.fetching_packs import bring_to_read
from engine.readable import readable_patterns
from engine.time_machine.recorded import Recorded
from engine.time_machine.recorded_reading import read_recorded
from engine.time_machine.replay import Code, open_ground
from engine.time_machine.replay_ground import Configuration, Ground
from engine.time_machine.replay_moments import next_step, replay_state
from engine.time_machine.replay_views import Check, Checked, Difference, shown
from epics.errors import GenieError, GitFailed, RepositoryUnusable
from epics.state import TERMINAL
from timemachine.mirrors import Mirror
from timemachine.workspace import open_workspace

DATABASE: Final = "database"
_PAGE: Final = 200

Result = Literal["same", "changed", "breaks", "not checked"]
OnChecked = Callable[[Checked], None]


@dataclass(frozen=True, kw_only=True)
class _Found:
    differences: tuple[Difference, ...] = ()
    unchecked: int = 0
    goes_on: str = ""


async def check_database(
    installation: Installation, *, ended: bool = True, code: Code | None = None, on_checked: OnChecked | None = None
) -> Check:
    """Hold every epic that the caller may read against the code of now; those in flight are tried a step further.

    Args:
        installation: where they are recorded.
        ended: those that have ended too.
        code: what to hold them against.
        on_checked: called with each as it is done, for people who wait.
    """
    items: list[Checked] = []
    async for epic_id in _epics(installation, ended=ended):
        items.append(await _check_recorded(installation, epic_id, code or Code()))
        if on_checked is not None:
            on_checked(items[-1])
    return in_all(items)


def in_all(items: Sequence[Checked]) -> Check:
    """The answer to a check: an epic that has ended cannot break any more, a saved history stands for one that has not.

    A file that could not be checked counts too: who keeps it wants to know.
    """
    return Check(items=tuple(items), breaking=tuple(item.epic for item in items if _counts(item)))


def _counts(item: Checked) -> bool:
    if item.source != DATABASE:
        return item.result in {"breaks", "not checked"}
    return item.in_flight and item.result == "breaks"


async def check_recorded(installation: Installation, recorded: Recorded, mirror: Mirror, source: str, code: Code) -> Checked:
    """Hold one history, whose commits are in a mirror, against the code of now."""
    strange = _why_strange(installation, recorded)
    if strange is not None:
        return _checked(recorded, source, _Found(differences=(_strange(recorded, strange),)))
    async with open_ground(installation, recorded, mirror, verify=False, code=code) as ground:
        return _checked(recorded, source, await _check(ground))


async def _epics(installation: Installation, *, ended: bool) -> AsyncGenerator[str]:
    after = ""
    while True:
        asked = {"after": after, "ended": ended, "limit": _PAGE, "patterns": readable_patterns()}
        rows = await fetch_all(installation.database.pool, "epics_to_check", asked)
        for row in rows:
            yield row["id"]
        if len(rows) < _PAGE:
            return
        after = rows[-1]["id"]


async def _check_recorded(installation: Installation, epic_id: str, code: Code) -> Checked:
    pool = installation.database.pool
    recorded = await read_recorded(pool, epic_id, turns=False, release=installation.release)
    try:
        workspace = await open_workspace(installation.home, recorded.epic.repo, installation.git_environment)
        facts = await fetch_one(pool, "epic_facts", {"epic": epic_id}) or {}
        await bring_to_read(pool, workspace.mirror, facts, recorded.commits())
        return await check_recorded(installation, recorded, workspace.mirror, DATABASE, code)
    except (RepositoryUnusable, GitFailed) as error:
        return not_checked(recorded, DATABASE, str(error))


def not_checked(recorded: Recorded, source: str, why: str) -> Checked:
    """A history that says nothing, and why."""
    return Checked(
        epic=recorded.epic.id,
        source=source,
        status=recorded.epic.status,
        in_flight=recorded.epic.status not in TERMINAL,
        moments=len(recorded.moments),
        result="not checked",
        why=why,
    )


async def _check(ground: Ground) -> _Found:
    differences: list[Difference] = []
    unchecked = 0
    for moment in ground.recorded.moments:
        tried = await replay_state(ground, moment)
        differences += tried.differences
        unchecked += bool(tried.unchecked)
    goes_on, stuck = await _tried_further(ground)
    return _Found(differences=(*differences, *stuck), unchecked=unchecked, goes_on=goes_on)


async def _tried_further(ground: Ground) -> tuple[str, tuple[Difference, ...]]:
    """What an epic in flight would do next, or why it could not."""
    epic = ground.recorded.epic
    state = ground.state_of(epic.moment)
    if epic.status in TERMINAL or state is None or state.ended is not None:
        return "", ()
    try:
        return await next_step(ground, state, _newest(ground)), ()
    except (RepositoryUnusable, GitFailed):
        raise
    except Exception as error:  # noqa: BLE001  # whatever the next step raises is what a check is to find
        said = str(error) if isinstance(error, GenieError) else f"{type(error).__name__}: {error}"
        stuck = Difference(
            moment=epic.moment or 0, kind="error", what=f"the next step, {state.step}", recorded="not made yet", now=shown(said)
        )
        return "", (stuck,)


def _newest(ground: Ground) -> Configuration:
    """What the base branch says now, as a run would read it."""
    return ground.configurations.get(ground.tip or "") or next(iter(ground.configurations.values()))


def _checked(recorded: Recorded, source: str, found: _Found) -> Checked:
    result: Result = "same"
    if any(difference.breaks for difference in found.differences):
        result = "breaks"
    elif found.differences:
        result = "changed"
    elif recorded.moments and found.unchecked == len(recorded.moments):
        result = "not checked"
    picked = sum(moment.outcome == "picked" for moment in recorded.moments)
    because = " or ".join(
        filter(None, ("their checkpoints were pruned" if found.unchecked > picked else "", "another epic made them" if picked else ""))
    )
    why = f"{found.unchecked} of {len(recorded.moments)} moments could not be checked: {because}" if found.unchecked else ""
    return Checked(
        epic=recorded.epic.id,
        source=source,
        status=recorded.epic.status,
        in_flight=recorded.epic.status not in TERMINAL,
        moments=len(recorded.moments),
        result=result,
        differences=found.differences,
        goes_on=found.goes_on,
        why=why,
    )


def _why_strange(installation: Installation, recorded: Recorded) -> str | None:
    epic = recorded.epic
    row = {"id": epic.id, "graph_version": epic.graph_version, "state_version": epic.state_version, "step": epic.step}
    strange = why_strange(row, installation.release) if epic.status not in TERMINAL else None
    return strange.why if strange else None


def _strange(recorded: Recorded, why: str) -> Difference:
    n = recorded.epic.moment or 0
    return Difference(moment=n, kind="error", what="the epic", recorded="it was carried on", now=shown(why))
