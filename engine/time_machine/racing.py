"""Looking after a race, under the lease of its epic: what is due is read from the rows, and done again wherever it was cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from db.epics import Row, fetch_one
from db.leases import Lease
from db.races import (
    Judged,
    NewEntry,
    begin_race,
    call_off_race,
    entries_told_to_end,
    entry_row,
    entry_rows,
    hinder_race,
    leave_to_person,
    race_row,
    record_scores,
    rest_entry,
    rest_epic,
)
from engine.assembling import Installation
from engine.lease_keeper import hold_epic
from engine.time_machine.cancelling import cancel_epic
from engine.time_machine.race_forks import free_id, make_forks
from engine.time_machine.race_judging import Entry, judge, judge_one
from engine.time_machine.race_picking import pick
from engine.time_machine.race_reading import entry_in, race_of
from engine.time_machine.race_views import RaceEntry
from epics.callers import GENIE, acting_as
from epics.errors import Conflict, EpicHeld, GenieError, LeaseLost, StoreUnavailable
from epics.races import explained, guidance_for, ranked, share_of
from epics.state import TERMINAL

RULE: Final = "the rule"
"""Who picks by itself."""


async def come_to_rest(installation: Installation, lease: Lease) -> None:
    """Stop an epic that we hold before a step that it does not begin by itself: its race begins, or it is an entry and waits."""
    pool, epic = installation.database.pool, lease.thread_id
    entry = await entry_row(pool, epic)
    if entry is not None and entry["state"] == "running":
        told = f"attempt {entry['k']} of {entry['n']} of epic {entry['epic_id']} is tested and reviewed"
        event = {"type": "attempt_rests", "data": {"epic": entry["epic_id"], "attempt": entry["k"], "of": entry["n"]}}
        problem = f"{told}; compare them with: genie time race {entry['epic_id']}"
        await rest_entry(pool, lease, entry["epic_id"], problem, event)
        return
    race = await race_row(pool, epic) or {"state": "none"}
    if race["state"] == "planned":
        await _begin(installation, lease, race)
        await carry_race(installation, lease)
    elif race["state"] == "running":
        await rest_epic(pool, lease, await _waits(installation, epic, race))
    # Else the race ended just now, and the epic stays runnable: it rests no more.


async def carry_race(installation: Installation, lease: Lease) -> None:
    """Do what is due in the race of an epic that we hold: make forks, judge, pick by the rule, end what was not picked.

    What keeps it from going on is recorded, and tried again later.
    """
    pool, epic = installation.database.pool, lease.thread_id
    race = await race_row(pool, epic)
    if race is None or not race["due"]:
        return
    try:
        # Whoever's request brings it about: what is due in a race is done by the rule.
        with acting_as(GENIE):
            await _carry(installation, lease, race)
    except (LeaseLost, StoreUnavailable):
        raise
    except EpicHeld:
        # Somebody makes or ends that fork at this moment; it is still due.
        return
    except GenieError as error:
        await hinder_race(pool, lease, str(error))
    else:
        if race["problem"]:
            await hinder_race(pool, lease, None)


async def look_after_race(installation: Installation, epic_id: str) -> None:
    """Do what is due in the race of an epic, unless somebody holds the epic, who finds it by himself."""
    race = await race_row(installation.database.pool, epic_id)
    if race is None or not race["due"]:
        return
    try:
        async with hold_epic(installation.database, epic_id, seconds=installation.lease_seconds) as hold:
            await carry_race(installation, hold.lease)
    except EpicHeld:
        return


async def pick_entry(installation: Installation, epic_id: str, given: str, *, by: str) -> None:
    """Pick an entry as a person; the others end, and the epic goes on with its work when it is resumed.

    Raises:
        Conflict: if there is no race, or it is over, or the entry is still at work.
        InvalidInput: if there is no such entry.
        EpicHeld: if somebody holds the epic at this moment.
    """
    pool = installation.database.pool
    _check_pick(epic_id, (view := await race_of(pool, epic_id)).state, entry_in(view, given))
    async with hold_epic(installation.database, epic_id, seconds=installation.lease_seconds) as hold:
        race, facts = await race_row(pool, epic_id) or {}, await _facts(installation, epic_id)
        chosen = entry_in(await race_of(pool, epic_id), given)
        _check_pick(epic_id, race["state"], chosen)
        if facts["moment"] != race["moment"]:
            message = f"epic {epic_id} went elsewhere since its race began (moment {race['moment']}): nothing is picked any more"
            raise Conflict(message)
        row = next(row for row in await entry_rows(pool, epic_id) if row["k"] == chosen.k)
        entry = await judge_one(installation, facts, row)
        await record_scores(pool, hold.lease, _judged([entry]))
        await pick(installation, hold.lease, race, entry, by=by, paused=True)
        await carry_race(installation, hold.lease)


def _check_pick(epic_id: str, state: str, entry: RaceEntry) -> None:
    if state != "running":
        said = "one of its attempts was picked already" if state == "picked" else f"it is {state.replace('_', ' ')}"
        message = f"nothing can be picked in the race of epic {epic_id}: {said}; see `genie time race {epic_id}`"
        raise Conflict(message)
    if entry.status in {None, "queued", "running"}:
        message = f"attempt {entry.k} ({entry.fork}) is still at work: wait until it rests, or stop it with genie epic cancel"
        raise Conflict(message)


async def _begin(installation: Installation, lease: Lease, race: Row) -> None:
    pool, epic, n = installation.database.pool, lease.thread_id, race["n"]
    facts = await _facts(installation, epic)
    spent = await fetch_one(pool, "spent_of_epic", {"epic": epic}) or {"usd": 0}
    forks: list[str] = []
    for _ in range(n):
        forks.append(await free_id(installation, but=frozenset(forks)))
    entries = [NewEntry(k=k, fork_id=fork, guidance=guidance_for(k, n)) for k, fork in enumerate(forks, start=1)]
    share = share_of(facts["budget_usd"], spent["usd"], n)
    problem = f"waits for its {n} attempts side by side, {', '.join(forks)}: see them with genie time race {epic}"
    await begin_race(pool, lease, entries, moment=facts["moment"], share=share, problem=problem)


async def _carry(installation: Installation, lease: Lease, race: Row) -> None:
    pool, epic = installation.database.pool, lease.thread_id
    facts = await _facts(installation, epic)
    if race["state"] == "running" and (facts["status"] in TERMINAL or facts["moment"] != race["moment"]):
        why = f"the epic is {facts['status']}" if facts["status"] in TERMINAL else f"the epic went on from moment {facts['moment']}"
        await call_off_race(pool, lease, why)
    elif race["state"] == "running":
        entries = await entry_rows(pool, epic)
        await make_forks(installation, lease, facts, race, entries)
        entries = await entry_rows(pool, epic)
        if any(entry["status"] == "queued" for entry in entries):
            return
        await _decide(installation, lease, race, await judge(installation, facts, entries))
    if (await race_row(pool, epic) or {})["state"] != "running":
        await _end_entries(installation, lease)


async def _decide(installation: Installation, lease: Lease, race: Row, entries: list[Entry]) -> None:
    """Pick the best by the rule, if it passed; else leave it to a person."""
    pool, epic = installation.database.pool, lease.thread_id
    by_number = {entry.k: entry for entry in entries}
    order = [by_number[k] for k in ranked((entry.k, entry.score) for entry in entries)]
    best = order[0]
    if race["rule"] == "auto" and best.score.passed:
        await record_scores(pool, lease, _judged(entries))
        await pick(installation, lease, race, best, by=RULE, paused=False)
        return
    ranking = [
        {"attempt": entry.k, "fork": entry.fork, "passed": entry.score.passed, "why": list(explained(entry.score))} for entry in order
    ]
    passed = sum(entry.score.passed for entry in entries)
    why = f"{passed} of {race['n']} attempts passed" if passed else f"none of {race['n']} attempts passed"
    problem = f"{why}: look at them with genie time race {epic}, and take one with genie time pick {epic} FORK"
    event = {"type": "race_judged", "data": {"ranking": ranking, "passed": passed, "of": race["n"]}}
    await leave_to_person(pool, lease, _judged(entries), problem=problem, event=event)


async def _end_entries(installation: Installation, lease: Lease) -> None:
    """Cancel the entries of a race that is over; one that a worker has ends as soon as that one hears of it."""
    pool, epic = installation.database.pool, lease.thread_id
    race = await race_row(pool, epic) or {}
    for entry in await entry_rows(pool, epic):
        if entry["status"] is None or entry["status"] in TERMINAL or not entry["ours"]:
            continue
        if entry["fork_id"] == race["winner"]:
            reason = f"its work was picked: epic {epic} goes on with it"
        else:
            reason = "another attempt was picked" if race["winner"] else f"its race was called off: {race['why']}"
        await cancel_epic(installation, entry["fork_id"], by=f"the race of {epic}", reason=reason)
    await entries_told_to_end(pool, lease)


async def _waits(installation: Installation, epic: str, race: Row) -> str:
    if race["due"] or any(entry["status"] == "queued" for entry in await entry_rows(installation.database.pool, epic)):
        return f"waits for its {race['n']} attempts side by side: see them with genie time race {epic}"
    return f"its attempts wait to be compared: see them with genie time race {epic}, and take one with genie time pick {epic} FORK"


def _judged(entries: Sequence[Entry]) -> list[Judged]:
    return [Judged(k=entry.k, score=entry.score.model_dump(mode="json"), place=entry.place) for entry in entries]


async def _facts(installation: Installation, epic_id: str) -> Row:
    return await fetch_one(installation.database.pool, "epic_facts", {"epic": epic_id}) or {}
