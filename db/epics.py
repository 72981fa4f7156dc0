"""The rows of epics, moments and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from db.audit import audited
from db.connection import Connection, Pool
from db.failures import foreseen
from db.fence import add_events, fenced
from db.jobs import hint
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb
from epics.callers import current_caller
from epics.errors import EpicNotFound
from epics.runs import is_run
from epics.upgrades import THIS_RELEASE

Row = dict[str, Any]

Within = Callable[[Connection, str], Awaitable[None]]
"""What is written in the transaction that makes an epic; it gets the epic's id."""


async def fetch_one(pool: Pool, query: str, arguments: Mapping[str, Any]) -> Row | None:
    """The first row of a named query, or None."""
    with foreseen():
        async with pool.connection() as connection:
            return await (await connection.execute(QUERIES[query], arguments)).fetchone()


async def fetch_all(pool: Pool, query: str, arguments: Mapping[str, Any]) -> list[Row]:
    """All rows of a named query."""
    with foreseen():
        async with pool.connection() as connection:
            return await (await connection.execute(QUERIES[query], arguments)).fetchall()


async def epic_facts(pool: Pool, epic_id: str) -> Row:
    """What does not change while an epic runs, and what the engine needs to decide how to go on.

    Raises:
        EpicNotFound: if there is no such epic.
    """
    row = await fetch_one(pool, "epic_facts", {"epic": epic_id})
    if row is None:
        message = f"there is no epic {epic_id!r}"
        raise EpicNotFound(message)
    return row


async def insert_epic(pool: Pool, values: Mapping[str, Any], *, hinted: bool = True, within: Within | None = None) -> bool:
    """Add a queued epic, and its project if the repository is new; False, and nothing is added, if the id is taken.

    Args:
        pool: connections to the database.
        values: the columns.
        hinted: tell the workers in the same transaction; a process that will run the epic itself does not.
        within: what else is written in the same transaction, when the epic is there.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES["project_of_repo"], {"repo": values["repo"]})).fetchone()
            project = row["id"] if row else None
            asked_by = {"requested_by": current_caller().person, "requested_via": current_caller().channel}
            known = {"state_version": THIS_RELEASE.state, "project": project, "yes_by": _who_says_yes(yes=values["auto_approve"])}
            given = {**known, **asked_by, **values, "labels": jsonb(values.get("labels", {}))}
            if await (await connection.execute(QUERIES["insert_epic"], given)).fetchone() is None:
                return False
            # Runs have events of their own, so that whoever is told of epics is not told of them.
            queued = {"type": "run_queued" if is_run(values["id"]) else "epic_queued", "data": {"goal": values["goal"][:200]}}
            await add_events(connection, values["id"], [queued])
            if hinted:
                await hint(connection, values["id"])
            if within is not None:
                await within(connection, values["id"])
            await audited(connection, "start", kind=_kind(values["id"]), subject=values["id"], epic=values["id"], data=_asked(values))
            return True


async def queue_epic(pool: Pool, epic_id: str, *, auto_approve: bool | None, by: str, hinted: bool = True) -> None:
    """Make a paused epic runnable again, and note who asked; `hinted` as in `insert_epic`."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            # The lease's row first, as every fenced write does: a worker at this epic and we cannot wait for each other.
            await connection.execute(QUERIES["forgive_takeovers"], {"thread": epic_id})
            who = _who_says_yes(yes=auto_approve)
            await connection.execute(QUERIES["queue_epic"], {"epic": epic_id, "auto_approve": auto_approve, "yes_by": who})
            # What stood against an approval without a person may be gone: another one says yes, or what was in the way is put right.
            await connection.execute(QUERIES["judge_again"], {"epic": epic_id})
            await add_events(connection, epic_id, [{"type": "epic_resumed", "data": {"by": by}}])
            if hinted:
                await hint(connection, epic_id)
            said = {} if auto_approve is None else {"yes": auto_approve}
            await audited(connection, "resume", kind=_kind(epic_id), subject=epic_id, epic=epic_id, data=said)
    pool.announcer.announce(epic_id)


async def pause_epic(pool: Pool, lease: Lease, problem: str) -> None:
    """Park an epic with the cause, fenced: a step raised what no node foresaw (durability rule 8)."""
    async with fenced(pool, lease) as connection:
        asked = await connection.execute(QUERIES["pause_epic"], {"epic": lease.thread_id, "problem": pool.clean(problem)})
        if await asked.fetchone() is not None:
            await add_events(connection, lease.thread_id, [{"type": "epic_paused", "data": {"problem": problem}}])


async def postpone_epic(pool: Pool, lease: Lease, problem: str, *, seconds: float, retries: int) -> None:
    """Put an epic off, fenced, because of what can be cured by waiting (durability rule 8).

    Args:
        pool: connections to the database.
        lease: ours.
        problem: what stopped it.
        seconds: for how long.
        retries: how often that makes it in a row.
    """
    async with fenced(pool, lease) as connection:
        arguments = {"epic": lease.thread_id, "problem": pool.clean(problem), "seconds": seconds, "retries": retries}
        row = await (await connection.execute(QUERIES["postpone_epic"], arguments)).fetchone()
        if row is None:
            return
        kind = "run_postponed" if is_run(lease.thread_id) else "epic_postponed"
        data = {"problem": problem, "until": row["retry_at"].isoformat(timespec="seconds"), "retries": retries}
        await add_events(connection, lease.thread_id, [{"type": kind, "data": data}])
        await hint(connection, lease.thread_id, at=row["retry_at"])


async def record_event(pool: Pool, lease: Lease, kind: str, data: Mapping[str, Any]) -> None:
    """Add one event, fenced."""
    async with fenced(pool, lease) as connection:
        await add_events(connection, lease.thread_id, [{"type": kind, "data": dict(data)}])


async def raise_limit(connection: Connection, epic_id: str, scope: str, amount: object) -> None:
    """Lift the limit of an epic or of its project, in the transaction of the decision."""
    name = "raise_epic_budget" if scope == "epic" else "raise_project_budget"
    await connection.execute(QUERIES[name], {"epic": epic_id, "amount": amount})


def _kind(epic_id: str) -> str:
    return "run" if is_run(epic_id) else "epic"


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit tells of a start beside who and what: what it may spend, and whether it was approved in advance."""
    budget = values.get("budget_usd")
    return {"yes": bool(values.get("auto_approve")), "budget_usd": None if budget is None else format(budget, "f")}


def _who_says_yes(*, yes: bool | None) -> Jsonb | None:
    """The caller as it is now, where it says yes in advance: that counts as a decision of this person."""
    return jsonb(current_caller().model_dump(mode="json", exclude={"address"})) if yes else None
