"""What changed between two moments, as people read it, and as programs that apply a diff skip it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import table
from cli.render_gate import stat_table
from cli.words import count, many, sha, shortened
from engine.history_views import FileStat, StateChange

_VALUE_WIDTH: Final = 300
_HASH: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def state_table(changes: Sequence[StateChange]) -> Table:
    """What changed in the state: a line for each field, records field by field where both sides have them."""
    rows = [row for change in changes for row in _flat(change.field, change.before, change.after)]
    return table(
        ("FIELD", "BEFORE", "AFTER"),
        [(field, Text(before, style="red"), Text(after, style="green")) for field, before, after in rows],
    )


def state_lines(changes: Sequence[StateChange]) -> list[str]:
    """What changed in the state as comments above a diff, which whoever applies it skips."""
    return [
        f"# {field}: {before} → {after}" for change in changes for field, before, after in _flat(change.field, change.before, change.after)
    ]


def files_table(files: Sequence[FileStat]) -> Table:
    """Files, with the lines that came and went."""
    return stat_table("\n".join(f"{printable(each.path)} | {_lines(each)}" for each in files))


def size_of(files: Sequence[FileStat]) -> str:
    """How much some files changed, in a few words."""
    added, removed = sum(each.added or 0 for each in files), sum(each.removed or 0 for each in files)
    return f"{many(len(files), 'file')}, +{count(added)} −{count(removed)}"


def short(value: Any) -> str:
    """A value of the state on one line; of a record, what it is known by."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, Mapping):
        known_by = next((value[name] for name in ("title", "verdict", "type", "summary", "detail", "command") if value.get(name)), None)
        value = known_by if known_by is not None else json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        value = ", ".join(short(each) for each in value)
    text = str(value)
    return sha(text) if _HASH.fullmatch(text) else shortened(printable(text), _VALUE_WIDTH)


def _lines(file: FileStat) -> str:
    return "binary" if file.added is None else f"+{file.added} -{file.removed}"


def _flat(field: str, before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            if before.get(name) != after.get(name):
                yield from _flat(f"{field}.{name}", before.get(name), after.get(name))
    else:
        yield field, short(before), short(after)
