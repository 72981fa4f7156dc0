"""Reading runs: the views of the faces, straight from the rows."""

from __future__ import annotations

from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.journal import AttemptJournal
from db.queries import QUERIES
from engine.finding import found_run, no_run
from engine.readable import reader
from engine.recording import turn_of
from engine.runs.views import RunView
from engine.transcript import readable
from engine.views import Page
from epics.errors import InvalidInput
from epics.ids import is_id
from epics.runs import KIND, RunStatus

_MOST: Final = 500


async def run_id_of(pool: Pool, given: str) -> str:
    """The id of the one run that `given` is, or is the beginning of; see `found_run`."""
    return (await found_run(pool, given)).id


async def run_view(pool: Pool, run_id: str) -> RunView:
    """One run by its whole id.

    Raises:
        RunNotFound: if there is none.
    """
    row = await fetch_one(pool, "run_view", {"run": run_id})
    if row is None:
        raise no_run(run_id)
    return _run(row)


async def run_view_on(connection: Connection, run_id: str) -> RunView:
    """One run as the transaction at hand sees it, which has just made it."""
    row = await (await connection.execute(QUERIES["run_view"], {"run": run_id})).fetchone()
    if row is None:
        raise no_run(run_id)
    return _run(row)


async def list_runs(
    pool: Pool, *, status: str | None, repo: str | None, workflow: str | None, limit: int, cursor: str | None
) -> Page[RunView]:
    """Runs, newest first.

    Raises:
        InvalidInput: if there is no such status, the limit is out of range, or the cursor is none.
    """
    if status is not None and status not in frozenset(RunStatus):
        message = f"there is no status {status!r} of a run; there are {', '.join(RunStatus)}"
        raise InvalidInput(message)
    if not 1 <= limit <= _MOST:
        message = f"the limit must be from 1 to {_MOST}, not {limit}"
        raise InvalidInput(message)
    if cursor is not None and not is_id(cursor, KIND):
        message = f"{cursor!r} is no cursor: give what `next` said, or none"
        raise InvalidInput(message)
    asked: dict[str, Any] = {"status": status, "repo": repo, "workflow": workflow, "before": cursor, "limit": limit + 1}
    asked |= reader()
    rows = await fetch_all(pool, "list_runs", asked)
    items = tuple(_run(row) for row in rows[:limit])
    return Page[RunView](items=items, next=items[-1].id if len(rows) > limit else None)


async def run_log(pool: Pool, run_id: str) -> tuple[dict[str, Any], ...]:
    """The turns of a run's agent, for reading; where it asked several times, one after the other, numbered through."""
    turns: list[dict[str, Any]] = []
    for attempt in await fetch_all(pool, "attempts_of_run", {"run": run_id}):
        for row in await AttemptJournal.read(pool, run_id, attempt["n"]):
            turns.append({**readable(turn_of(row)), "n": len(turns) + 1})
    return tuple(pool.clean(turn) for turn in turns)


def _run(row: Row) -> RunView:
    result: dict[str, Any] = row["result"] or {}
    names = (
        *("id", "kind", "workflow", "session", "task", "repo", "base", "revision", "start_commit", "branch", "unpublished", "labels"),
        *("cost_usd", "reserved_usd", "budget_usd", "tokens", "queue_place", "retry_at", "created_at", "updated_at", "ended_at"),
    )
    return RunView.model_validate(
        {
            **{name: row[name] for name in names},
            # Paused is one that a release parked which could not carry it on.
            "status": RunStatus.FAILED if row["status"] == "paused" else row["status"],
            "error": row["problem"] or result.get("error") or "",
            "ended_by": result.get("ended_by"),
            "output": result.get("output"),
            "commit": result.get("commit") or None,
            "files_changed": result.get("files", ()),
            "violations": result.get("violations", ()),
            "tests": result.get("tests"),
            "turns": row["turns"] or 0,
            "executor": row["used_executor"] or row["executor"],
            "model": row["used_model"] or row["model"],
        }
    )
