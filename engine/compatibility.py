"""Epics of other releases: which of them this one can carry on, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from db.connection import Pool
from db.epics import fetch_all
from db.leases import Lease
from db.strangers import flag_epic, flag_held_epic, raise_versions
from epics.errors import EpicStrange
from epics.records import Record
from epics.runs import is_run
from epics.upgrades import THIS_RELEASE, Release

_AT_MOST: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Strangeness:
    """Why this release cannot carry an epic on."""

    why: str
    newer: bool
    """A newer release can: in a rolling upgrade its workers do, so the epic is left alone."""


class StrangeEpic(Record):
    """An epic that has not ended and that this release cannot carry on."""

    id: str
    status: str
    step: str
    why: str
    newer: bool


def why_strange(row: Mapping[str, Any], release: Release = THIS_RELEASE) -> Strangeness | None:
    """Why this release cannot carry on the epic of a row, or None if it can."""
    epic, graph, state = row["id"], row["graph_version"], row["state_version"]
    if graph > release.graph or state > release.state:
        written, here = f"graph {graph}, state {state}", f"graph {release.graph}, state {release.state}"
        why = f"epic {epic} was carried on by a newer Genie ({written}; this one has {here}): update Genie, or cancel the epic"
        return Strangeness(why=why, newer=True)
    # Without checkpoints, a run has nothing that could be too old.
    if is_run(epic):
        return None
    if graph < release.oldest_graph or state < release.oldest_state:
        why = (
            f"epic {epic} was begun by a Genie that is too old for this one (graph {graph}, state {state}; this one carries on graph "
            f"{release.oldest_graph} and state {release.oldest_state} or newer): finish it with an older Genie, or cancel it"
        )
        return Strangeness(why=why, newer=False)
    if row["step"] not in release.steps:
        why = (
            f"epic {epic} is at step {row['step']}, which this Genie does not know (graph {graph}): "
            "finish it with the Genie that began it, update, or cancel it"
        )
        return Strangeness(why=why, newer=False)
    return None


async def strange_epics(pool: Pool, release: Release = THIS_RELEASE) -> tuple[StrangeEpic, ...]:
    """The epics that have not ended and that this release cannot carry on, in one look, a thousand at most."""
    values = {
        "graph": release.graph,
        "state": release.state,
        "oldest_graph": release.oldest_graph,
        "oldest_state": release.oldest_state,
        "steps": sorted(release.steps),
        "limit": _AT_MOST,
    }
    found = [(row, why_strange(row, release)) for row in await fetch_all(pool, "strange_epics", values)]
    return tuple(
        StrangeEpic(id=row["id"], status=row["status"], step=row["step"], why=strange.why, newer=strange.newer)
        for row, strange in found
        if strange is not None
    )


async def flag_strange_epics(pool: Pool, release: Release = THIS_RELEASE) -> tuple[StrangeEpic, ...]:
    """Pause the epics that nobody can carry on, with the cause, as a worker does when it starts; those of a newer release are left alone.

    Returns those that were flagged now.
    """
    strange = [epic for epic in await strange_epics(pool, release) if not epic.newer]
    return tuple([epic for epic in strange if await flag_epic(pool, epic.id, epic.why)])


def leave_to_newer(row: Mapping[str, Any], release: Release = THIS_RELEASE) -> None:
    """Refuse an epic that a newer release carries on: nothing is done to it here, its lease is not taken either.

    Raises:
        EpicStrange: saying so.
    """
    strange = why_strange(row, release)
    if strange is not None and strange.newer:
        raise EpicStrange(strange.why)


async def adopt(pool: Pool, lease: Lease, row: Mapping[str, Any], release: Release = THIS_RELEASE) -> bool:
    """Take an epic that we hold for this release; say False where that cannot be, and pause it with the cause.

    One that an older release began is marked before its first checkpoint here, so that older workers keep off it from then on.

    Raises:
        EpicStrange: if a newer release took it meanwhile.
    """
    leave_to_newer(row, release)
    strange = why_strange(row, release)
    if strange is not None:
        await flag_held_epic(pool, lease, strange.why)
        return False
    before = {"graph": row["graph_version"], "state": row["state_version"]}
    now = {"graph": release.graph, "state": release.state}
    if before != now:
        await raise_versions(pool, lease, before, now)
    return True
