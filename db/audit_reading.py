"""The audit read: newest first for people, or from its beginning for whoever checks the chain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from epics.access_errors import AuditBroken
from epics.audit import Anchor, AuditRow

BATCH: Final = 2_000
_BEFORE_ALL: Final = -(2**63)


async def page_of_audit(pool: Pool, asked: Mapping[str, Any]) -> list[AuditRow]:
    """Rows that fit, newest first.

    Args:
        pool: connections to the database.
        asked: `person`, `epic`, `deed`, `kind`, `since`, `until`, `before`, each None for any; `refused`, `limit`.

    Raises:
        AuditBroken: if one of them is no row that was ever written.
    """
    return [_row_in(row) for row in await fetch_all(pool, "audit_page", asked)]


async def head_of_audit(pool: Pool) -> Anchor:
    """The last row as the end of the chain has it; number 0 while there is none.

    Raises:
        AuditBroken: if somebody took that away.
    """
    row = await fetch_one(pool, "audit_head", {})
    if row is None:
        message = "the end of the audit is missing: nothing tells how many rows there must be"
        raise AuditBroken(message)
    return Anchor(n=row["n"], hash=row["hash"])


async def audit_rows(pool: Pool, *, until: int, after: int | None = None) -> AsyncGenerator[AuditRow]:
    """The rows after a number and up to another one, in order; read in batches, and nothing is held between them.

    Raises:
        AuditBroken: if one of them is no row that was ever written.
    """
    last = _BEFORE_ALL if after is None else after
    while True:
        rows = await fetch_all(pool, "audit_rows", {"after": last, "until": until, "limit": BATCH})
        for row in rows:
            yield _row_in(row)
        if len(rows) < BATCH:
            return
        last = rows[-1]["n"]


async def number_before(pool: Pool, since: datetime) -> int:
    """The number of the last row before a time; 0 if there is none."""
    row = await fetch_one(pool, "audit_before", {"since": since})
    return 0 if row is None else int(row["n"])


async def row_behind_head(pool: Pool) -> int | None:
    """The first row behind the end of the chain, where nothing can have been added by Genie."""
    row = await fetch_one(pool, "audit_behind_head", {})
    return None if row is None else row["n"]


def _row_in(row: Row) -> AuditRow:
    # The server's own zone would be in exported files, which others check by the text of the time.
    at = row["at"] and row["at"].astimezone(UTC)
    try:
        return AuditRow.model_validate({**row, "at": at})
    except ValidationError as error:
        message = f"row {row['n']} of the audit was changed: it has what no row is ever written with"
        raise AuditBroken(message) from error
