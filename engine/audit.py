"""The audit for faces: listed, checked as a chain, written into a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import BinaryIO

from db.audit_reading import audit_rows, head_of_audit, number_before, page_of_audit, row_behind_head
from db.connection import Pool
from engine.audit_views import AuditCheck, AuditView
from engine.views import Page
from epics.access_errors import AuditBroken
from epics.audit import Anchor, Chain
from epics.errors import InvalidInput

Progress = Callable[[int], None]
"""Told how many rows were looked at so far."""


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which rows are asked for; what is None fits any."""

    person: str | None = None
    epic: str | None = None
    """Its id or the beginning of it; the epic itself may be gone."""
    deed: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    refused: bool = False
    """Only what was refused."""


class Audit:
    """Who did what in an installation; `Engine.audit` gives it."""

    def __init__(self, pool: Pool) -> None:
        """Bind to an open database."""
        self._pool = pool

    async def page(self, asked: AuditFilter, *, limit: int = 50, cursor: str | None = None) -> Page[AuditView]:
        """Rows that fit, newest first.

        Raises:
            InvalidInput: if the cursor is none.
        """
        rows = await page_of_audit(self._pool, {**asdict(asked), "before": _number_in(cursor), "limit": limit + 1})
        items = tuple(AuditView.of(row) for row in rows[:limit])
        return Page[AuditView](items=items, next=str(items[-1].n) if len(rows) > limit else None)

    async def verify(self, anchor: Anchor | None = None, progress: Progress = lambda _: None) -> AuditCheck:
        """Look at every row up to the end that the chain has now; deeds may be done meanwhile.

        Args:
            anchor: the end of the chain at an earlier time.
            progress: told of the rows.

        Raises:
            AuditBroken: naming the first row that was changed, is missing, or was put in.
        """
        head, chain = await head_of_audit(self._pool), Chain(anchor)
        async with aclosing(audit_rows(self._pool, until=head.n)) as rows:
            async for row in rows:
                chain.add(row)
                progress(chain.rows)
        chain.finish(head)
        behind = await row_behind_head(self._pool)
        if behind is not None:
            message = f"row {behind} of the audit was put in: it stands behind the end of the chain"
            raise AuditBroken(message)
        return AuditCheck.up_to(chain.rows, chain.first, chain.end)

    async def export(self, target: BinaryIO, *, since: datetime | None = None, progress: Progress = lambda _: None) -> AuditCheck:
        """Write the rows into a file, one in each line, as they are: whoever reads it checks them.

        Args:
            target: the file.
            since: leave out what was before.
            progress: told of the rows.
        """
        head, after = await head_of_audit(self._pool), None if since is None else await number_before(self._pool, since)
        first, count, end = None, 0, None
        async with aclosing(audit_rows(self._pool, until=head.n, after=after)) as rows:
            async for row in rows:
                target.write(row.model_dump_json().encode() + b"\n")
                first, count, end = row.n if first is None else first, count + 1, Anchor(n=row.n, hash=row.hash)
                progress(count)
        return AuditCheck.up_to(count, first, end)


def _number_in(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= len(str(2**62))):
        message = f"{cursor[:80]!r} is no cursor: give what `next` said, or none"
        raise InvalidInput(message)
    return int(cursor)
