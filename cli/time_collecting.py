"""Collecting what nothing names any more: what would go and why, or the same for good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import facts, heading, table
from cli.words import count, size
from engine.engine import Engine
from engine.time_machine.collecting_views import Collected
from epics.errors import InvalidInput

_AGES: Final = {"h": "hours", "d": "days", "w": "weeks"}
_SIZES: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


async def collect(engine: Engine, older_than: str, quota: str | None, output: Output, *, apply: bool) -> int:
    """Collect what nothing names, or say what that would be."""
    most = None if quota is None else bytes_in(quota)
    report = await engine.keeping.collect(older_than=age_in(older_than), quota=most, apply=apply)
    output.answer(record=report, parts=_parts(report))
    return ExitCode.DONE


def age_in(given: str) -> timedelta:
    """The age that a person typed.

    Raises:
        InvalidInput: if it is none.
    """
    found = re.fullmatch(r"(\d{1,5})([hdw])", given.strip().lower())
    if found is None:
        raise InvalidInput(f"--older-than takes an age such as 12h, 30d or 8w, not {given[:40]!r}")
    return timedelta(**{_AGES[found[2]]: int(found[1])})


def bytes_in(given: str) -> int:
    """The number of bytes that a person typed.

    Raises:
        InvalidInput: if it is none.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]?B)?", given.strip().upper())
    if found is None:
        raise InvalidInput(f"--quota takes a size such as 500MB or 20GB, not {given[:40]!r}")
    return int(float(found[1]) * _SIZES[found[2] if found[2] and found[2] != "B" else ""])


def _parts(report: Collected) -> Iterator[RenderableType]:
    yield table(
        ("WHAT", "COUNT", "BYTES", "WHY"),
        [(part.kind, count(part.count), size(part.bytes), part.why) for part in report.parts],
        right=("COUNT", "BYTES"),
    )
    yield heading("Kept though nothing here names it" if report.stays else "Nothing else is there that nothing names")
    yield facts([(count(part.count), part.why) for part in report.stays])
    quota = f", of {size(report.quota)} allowed" if report.quota is not None else ""
    verb = "takes" if report.applied else "would take"
    yield Text(
        f"\nthis home takes {size(report.bytes_before)} for mirrors and work trees; {verb} {size(report.bytes_after)} after it{quota}"
    )
    if report.quota is not None and report.bytes_after > report.quota:
        yield Text("what is left is named by epics, too young, or not known to be of this database: nothing more can go", style="yellow")
    if not report.applied and any(part.count for part in report.parts):
        yield Text("nothing was removed; to do it: the same with --apply", style="yellow")
