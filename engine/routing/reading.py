"""Reading requests: the views of the faces, straight from the rows."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from db.asks import ask_row, part_rows
from db.connection import Pool
from db.epics import Row, fetch_all
from engine.finding import found_ask, no_ask
from engine.readable import reader
from engine.routing.views import AskView, PartView
from engine.views import Page
from epics.asks import KIND, AskStatus, Matched
from epics.errors import InvalidInput
from epics.ids import is_id

_MOST: Final = 500


async def ask_id_of(pool: Pool, given: str) -> str:
    """The id of the one request that `given` is, or is the beginning of; see `found_ask`."""
    return (await found_ask(pool, given)).id


async def ask_view(pool: Pool, ask_id: str) -> AskView:
    """One request by its whole id.

    Raises:
        AskNotFound: if there is none.
    """
    row = await ask_row(pool, ask_id)
    if row is None:
        raise no_ask(ask_id)
    return _ask(row, await part_rows(pool, [ask_id]))


async def list_asks(pool: Pool, *, status: str | None, repo: str | None, limit: int, cursor: str | None) -> Page[AskView]:
    """Requests, newest first.

    Raises:
        InvalidInput: if there is no such status, the limit is out of range, or the cursor is none.
    """
    if status is not None and status not in frozenset(AskStatus):
        raise InvalidInput(f"there is no status {status!r} of a request; there are {', '.join(AskStatus)}")
    if not 1 <= limit <= _MOST:
        raise InvalidInput(f"the limit must be from 1 to {_MOST}, not {limit}")
    if cursor is not None and not is_id(cursor, KIND):
        raise InvalidInput(f"{cursor!r} is no cursor: give what `next` said, or none")
    asked: dict[str, Any] = {"status": status, "repo": repo, "before": cursor, "limit": limit + 1}
    rows = await fetch_all(pool, "list_asks", {**asked, **reader()})
    parts = await part_rows(pool, [row["id"] for row in rows[:limit]])
    of = {ask_id: list(group) for ask_id, group in groupby(parts, lambda part: part["ask_id"])}
    items = tuple(_ask(row, of.get(row["id"], [])) for row in rows[:limit])
    return Page[AskView](items=items, next=items[-1].id if len(rows) > limit else None)


def _ask(row: Row, parts: list[Row]) -> AskView:
    views = tuple(_part(part) for part in parts)
    names = ("id", "text", "repo", "base", "status", "split_by", "note", "split_usd", "answer", "budget_usd", "labels")
    return AskView.model_validate(
        {
            **{name: row[name] for name in (*names, "created_at", "updated_at", "ended_at")},
            "asked_by": row["person"],
            "parts": views,
            "cost_usd": sum((part.cost_usd for part in views), row["split_usd"]),
        }
    )


def _part(row: Row) -> PartView:
    matched = Matched.model_validate(row["matched"])
    return PartView(
        n=row["n"],
        text=row["text"],
        needs=tuple(row["needs"]),
        status=row["status"],
        agent=row["agent"],
        why=matched.why,
        work=row["work_id"],
        work_status=row["work_status"],
        waiting_on=row["waiting_on"],
        answer=row["answer"],
        error=row["problem"] or (row["work_problem"] or "" if row["status"] == "started" else ""),
        cost_usd=row["cost_usd"] or Decimal(0),
        scores=matched.scores,
        skipped=matched.skipped,
    )
