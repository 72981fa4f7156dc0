"""Carrying a request on: what has ended is noted, what can begin is begun, and when all has ended it is joined.

Any process may do it, at the same time as others too: a part's run or epic is made in the transaction that says so in the part's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from db.asks import PartTaken, ask_row, end_ask, end_part, part_rows, put_part_off, take_part
from db.connection import Connection
from db.epics import Row
from engine.assembling import Installation
from engine.breaker import AgentLeftOut
from engine.postponing import delay
from engine.reading import epic_view
from engine.routing.asker import asker_today
from engine.routing.joining import answer_of, joined, status_of, task_of
from engine.runs.orders import StartRun
from engine.runs.reading import run_view
from engine.runs.starting import start_run
from engine.starting import StartEpic, start_epic
from epics.asks import EPIC, PART_ENDED, AskStatus, PartStatus
from epics.callers import acting_as
from epics.errors import GenieError, GitFailed, InvalidInput, RepositoryUnusable, StoreUnavailable, Transient
from epics.runs import is_run
from epics.state import TERMINAL
from timemachine.urls import is_url

_ENDED: Final = frozenset({*TERMINAL, "done"})
_LEAST_USD: Final = Decimal("0.000001")
_LOOK_AT_AGENT_S: Final = 15.0


async def carry_ask(installation: Installation, ask_id: str, *, hinted: bool = True) -> None:
    """Carry a request as far as it goes now.

    Args:
        installation: where it runs.
        ask_id: the request.
        hinted: tell the workers of what is begun; a process that will run it itself does not.

    Raises:
        StoreUnavailable: if the database does not answer; whoever looks next goes on.
    """
    pool = installation.database.pool
    row = await ask_row(pool, ask_id)
    if row is None or row["status"] != AskStatus.RUNNING:
        return
    before: list[tuple[int, str]] = []
    while True:
        parts = await part_rows(pool, [ask_id])
        now = [(part["n"], part["status"]) for part in parts]
        if all(part["status"] in PART_ENDED for part in parts):
            await end_ask(pool, ask_id, status=status_of(parts), answer=joined(parts))
            return
        if now == before:
            return
        before = now
        for part in parts:
            if part["status"] == PartStatus.STARTED:
                await _note_end(installation, part)
            elif part["status"] == PartStatus.WAITING and part["is_due"]:
                await _begin_if_ready(installation, row, part, parts, hinted=hinted)


async def _note_end(installation: Installation, part: Row) -> None:
    """Keep what came of a part whose run or epic has ended."""
    pool, work = installation.database.pool, part["work_id"]
    if work is None:
        await end_part(pool, part["ask_id"], part["n"], status=PartStatus.FAILED, problem="what did it was deleted")
    elif not (part["work_status"] in _ENDED or (is_run(work) and part["work_status"] == "paused")):
        return
    elif is_run(work):
        run = await run_view(pool, work)
        status = PartStatus(run.status) if run.status in {"done", "cancelled"} else PartStatus.FAILED
        await end_part(pool, part["ask_id"], part["n"], status=status, answer=answer_of(run), problem=run.error)
    else:
        epic = await epic_view(pool, work)
        status = {"merged": PartStatus.DONE, "cancelled": PartStatus.CANCELLED}.get(epic.status, PartStatus.FAILED)
        answer = f"Epic {epic.id} is {epic.status}{f' as {epic.head}' if status is PartStatus.DONE and epic.head else ''}."
        problem = "" if status is PartStatus.DONE else epic.problem or f"epic {epic.id} is {epic.status}"
        await end_part(pool, part["ask_id"], part["n"], status=status, answer=answer, problem=problem)


async def _begin_if_ready(installation: Installation, ask: Row, part: Row, parts: Sequence[Row], *, hinted: bool) -> None:
    by_number = {each["n"]: each for each in parts}
    needed = [by_number[n] for n in part["needs"]]
    if any(each["status"] not in PART_ENDED for each in needed):
        return
    if failed := [str(each["n"]) for each in needed if each["status"] != PartStatus.DONE]:
        problem = f"it needs part {' and '.join(failed)}, which did not end well"
        await end_part(installation.database.pool, ask["id"], part["n"], status=PartStatus.SKIPPED, problem=problem)
        return
    try:
        await _begin(installation, ask, part, parts, needed, hinted=hinted)
    except PartTaken:
        return  # by another process, or it is to be done no more
    except StoreUnavailable:
        raise
    except GenieError as error:
        await _not_begun(installation, ask, part, error)


async def _begin(installation: Installation, ask: Row, part: Row, parts: Sequence[Row], needed: Sequence[Row], *, hinted: bool) -> None:
    async def beside(connection: Connection, work_id: str) -> None:
        await take_part(connection, ask["id"], part["n"], work_id)

    task, budget = task_of(part, needed), _share(ask, parts)
    labels = {**ask["labels"], "ask": ask["id"]}
    with acting_as(await asker_today(installation.database.pool, ask)):
        if part["agent"] == EPIC:
            epic = StartEpic(
                goal=task,
                repo=ask["repo"],
                base=ask["base"],
                budget_usd=budget,
                executor=ask["executor"],
                model=ask["model"],
                labels=labels,
                detached=hinted,
            )
            await start_epic(installation, epic, within=beside)
            return
        run = StartRun(
            workflow=part["agent"],
            repo=ask["repo"],
            task=task,
            base=ask["base"],
            at=await _where(installation, needed),
            budget_usd=budget,
            # For whichever part can be run by it.
            executor_set=ask["executor"],
            model=ask["model"],
            labels=labels,
            detached=hinted,
        )
        await start_run(installation, run, within=beside)


async def _where(installation: Installation, needed: Sequence[Row]) -> str | None:
    """The branch on which the one part before has left its work, so that what needs it begins there."""
    runs = [each["work_id"] for each in needed if each["work_id"] is not None and is_run(each["work_id"])]
    views = [await run_view(installation.database.pool, run) for run in runs]
    branches = [view.branch for view in views if view.branch and view.files_changed and not view.unpublished]
    return branches[0] if len(branches) == 1 else None


def _share(ask: Row, parts: Sequence[Row]) -> Decimal | None:
    """What a part that begins now may cost: an even part of what those that ended have left, and those at work may not use.

    Raises:
        InvalidInput: if nothing is left.
    """
    if ask["budget_usd"] is None:
        return None
    left, waiting = Decimal(ask["budget_usd"]) - Decimal(ask["split_usd"]), 0
    for part in parts:
        if part["status"] in PART_ENDED:
            # A call of which nobody knows what it cost counts as what was set aside for it.
            left -= Decimal(part["cost_usd"] or 0) + Decimal(part["reserved_usd"] or 0)
        elif part["status"] == PartStatus.STARTED:
            left -= part["work_budget_usd"] or Decimal(0)
        else:
            waiting += 1
    share = (left / max(waiting, 1)).quantize(_LEAST_USD, rounding="ROUND_DOWN")
    if share <= 0:
        raise InvalidInput(f"the limit of ${ask['budget_usd']} for all parts is used up")
    return share


async def _not_begun(installation: Installation, ask: Row, part: Row, error: GenieError) -> None:
    """What waiting may cure is tried again, so often and later each time; what else keeps a part from beginning ends it."""
    pool, problem = installation.database.pool, installation.database.pool.clean(str(error))
    may_be_cured = isinstance(error, Transient | GitFailed) or (isinstance(error, RepositoryUnusable) and is_url(ask["repo"]))
    if isinstance(error, AgentLeftOut):
        # Its pause ends by itself, however long it is, or earlier by a person.
        await put_part_off(pool, ask["id"], part["n"], problem=problem, seconds=min(error.seconds, _LOOK_AT_AGENT_S), counts=False)
    elif may_be_cured and part["tries"] < installation.dispatch.retries:
        seconds = delay(installation.dispatch.retry_seconds, part["tries"])
        await put_part_off(pool, ask["id"], part["n"], problem=problem, seconds=seconds, counts=True)
    else:
        await end_part(pool, ask["id"], part["n"], status=PartStatus.FAILED, problem=problem)


def works_of(parts: Sequence[Row]) -> Mapping[int, str]:
    """The runs and epics that are begun and have not ended, by the parts that they do."""
    return {part["n"]: part["work_id"] for part in _begun(parts) if part["work_status"] not in _ENDED}


def due_works(parts: Sequence[Row]) -> Mapping[int, str]:
    """Those of them that wait for nothing but somebody to run them: no person, no better time, no worker that has them."""
    begun = _begun(parts)
    return {part["n"]: part["work_id"] for part in begun if part["work_status"] == "queued" and part["work_retry_at"] is None}


def _begun(parts: Sequence[Row]) -> list[Row]:
    return [part for part in parts if part["status"] == PartStatus.STARTED and part["work_id"] is not None]
