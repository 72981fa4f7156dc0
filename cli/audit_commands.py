"""The audit listed, checked, and written into a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, table
from cli.words import local, many
from db.backup import new_file
from engine.audit import AuditFilter, Progress
from engine.audit_views import AuditCheck, AuditView
from engine.engine import Engine
from epics.audit import Anchor
from epics.errors import InvalidInput

_AGES: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EACH: Final = 1_000
"""After how many rows the line that counts is written anew."""


def time_in(given: str | None, option: str) -> datetime | None:
    """The time that a person typed, as an age or in the form of ISO 8601; without a zone it is the clock of this machine.

    Raises:
        InvalidInput: if it is none.
    """
    if given is None:
        return None
    text = given.strip()
    if found := re.fullmatch(r"(\d{1,5})([mhdw])", text):
        return datetime.now(UTC) - timedelta(**{_AGES[found[2]]: int(found[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{option} takes a time such as 2026-11-21 or 2026-11-21T10:00, or an age such as 12h, not {text[:40]!r}"
        raise InvalidInput(message) from error


async def list_rows(engine: Engine, output: Output, asked: AuditFilter, limit: int) -> int:
    """List who did what."""
    page = await engine.audit.page(asked, limit=limit)
    output.answer(record=page, parts=_rows(page.items, more=page.next is not None))
    return ExitCode.DONE


async def verify(engine: Engine, output: Output, anchor: Anchor | None) -> int:
    """Check the chain in the database."""
    with _progress(output, "looked at") as progress:
        check = await engine.audit.verify(anchor, progress)
    output.answer(record=check, parts=_holds(check))
    return ExitCode.DONE


async def verify_file(output: Output, file: Path, anchor: Anchor | None) -> int:
    """Check the chain in a file."""
    from engine.audit_file import verify_file as check_file

    check = check_file(file, anchor)
    output.answer(record=check, parts=_holds(check))
    return ExitCode.DONE


async def export(engine: Engine, output: Output, file: Path, since: datetime | None, *, overwrite: bool) -> int:
    """Write the rows into a file."""
    with new_file(file, overwrite=overwrite, what="the audit") as target, _progress(output, "written") as progress:
        check = await engine.audit.export(target, since=since, progress=progress)
    written = f"wrote {file}: {many(check.rows, 'row')}"
    parts = [Text(written), Text(f"check it anywhere with: genie audit verify --file {file}", style="dim")]
    output.answer(record=check, parts=parts)
    return ExitCode.DONE


def _rows(found: Sequence[AuditView], *, more: bool) -> Iterator[RenderableType]:
    if not found:
        yield Text("there is no such row")
        return
    yield table(
        ("N", "AT", "PERSON", "BY", "DEED", "ON", "EPIC", "CONTENT", "ANSWER"),
        [
            (
                str(row.n),
                local(row.at),
                clean(row.person, 100),
                clean(row.channel, 40),
                clean(row.deed, 40),
                clean(f"{row.kind} {row.subject}", 200),
                row.epic or "",
                (row.content_hash or "")[:12],
                Text(clean(row.answer, 80).plain, style="red") if row.refused else clean(row.answer, 80),
            )
            for row in found
        ],
        right=("N",),
    )
    if more:
        yield Text("there are more: say --limit, --since or --until", style="dim")


def _holds(check: AuditCheck) -> Iterator[RenderableType]:
    if not check.rows:
        yield Text("there is no row")
        return
    part = f", from {check.first} on," if check.first != 1 else ""
    yield Text(f"{many(check.rows, 'row')}{part} hold together", style="green")
    yield Text(f"keep this where nobody who can write to the database can: {check.anchor}")
    yield Text(f"later: genie audit verify --anchor {check.anchor}", style="dim")


@contextmanager
def _progress(output: Output, done: str) -> Iterator[Progress]:
    """A line that counts, where a person looks on."""
    if not output.notes.is_terminal:
        yield lambda _: None
        return
    with output.notes.status("0 rows") as status:
        yield lambda rows: status.update(f"{many(rows, 'row')} {done}") if rows % _EACH == 0 else None
