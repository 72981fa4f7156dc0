"""What of the journal may be sealed, and how: briefs, turns, the log of a setup command, the end of an attempt's transcript.

In a text column stands the sealed text itself, in one of JSON `{"sealed": "gs1.…"}`; rows of both kinds are read alike. What it is bound to
names the attempt and not the epic: forks, and picked entries of races, take attempts over as they are, under the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from db.sealer import Sealer

Row: TypeAlias = dict[str, Any]

TURN: Final = ("request", "answer", "results")
DOCUMENTS: Final[Mapping[str, str]] = {"setup": "log", "result": "log_tail"}
"""Columns of attempts that hold a document, each with the key in it whose text is sealed."""

_PREFIX: Final = "gs1."
_CLEAR: Final = "gs1.clear."
"""Before a text that stands in clear and begins as if it were sealed: what commands and people write can be anything."""
_KEY: Final = "sealed"


def turn_context(column: str, attempt: int, n: int) -> str:
    """Where a column of a turn stands."""
    return f"turns.{column}:{attempt}/{n}"


def brief_context(attempt: int) -> str:
    """Where the text of a brief stands."""
    return f"briefs.text:{attempt}"


def document_context(column: str, attempt: int) -> str:
    """Where the sealed text in a document of an attempt stands."""
    return f"attempts.{column}.{DOCUMENTS[column]}:{attempt}"


async def seal_text(sealer: Sealer, text: str, context: str) -> str:
    """A text as it is to be kept."""
    if sealer.seals_journal:
        return await sealer.sealed(text, context)
    return f"{_CLEAR}{text}" if text.startswith(_PREFIX) else text


async def seal_json(sealer: Sealer, value: Any, context: str) -> Any:  # JSON
    """A JSON value as it is to be kept; null stays, since queries ask for it."""
    return {_KEY: await sealer.sealed(json.dumps(value), context)} if sealer.seals_journal and value is not None else value


async def seal_document(sealer: Sealer, column: str, attempt: int, document: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A document of an attempt as it is to be kept: the rest of it is read by queries."""
    text = (document or {}).get(DOCUMENTS[column])
    if document is None or not isinstance(text, str) or not text:
        return document
    return {**document, DOCUMENTS[column]: await seal_text(sealer, text, document_context(column, attempt))}


async def open_text(sealer: Sealer, text: str | None, context: str) -> str | None:
    """A text as it was before it was sealed."""
    if not isinstance(text, str) or not text.startswith(_PREFIX):
        return text
    return text.removeprefix(_CLEAR) if text.startswith(_CLEAR) else await sealer.opened(text, context)


async def open_json(sealer: Sealer, value: Any, context: str) -> Any:  # JSON
    """A JSON value as it was before it was sealed."""
    sealed = sealed_in(value)
    return value if sealed is None else json.loads(await sealer.opened(sealed, context))


def sealed_in(value: Any) -> str | None:  # JSON
    """The sealed text in a JSON value that is nothing else, or None."""
    if isinstance(value, dict) and value.keys() == {_KEY}:
        text = value[_KEY]
        return text if isinstance(text, str) and text.startswith(_PREFIX) else None
    return None


async def open_turns(sealer: Sealer, rows: Iterable[Row], attempt: int | None = None) -> list[Row]:
    """Turns as they were; of one attempt where their rows do not name it."""
    return [await _opened_turn(sealer, row, row["attempt"] if attempt is None else attempt) for row in rows]


async def open_attempts(sealer: Sealer, rows: Iterable[Row]) -> list[Row]:
    """Attempts as they were, whatever columns their rows have: the brief, and the texts in their documents."""
    return [await _opened_attempt(sealer, row) for row in rows]


async def _opened_turn(sealer: Sealer, row: Row, attempt: int) -> Row:
    return {**row, **{name: await open_json(sealer, row[name], turn_context(name, attempt, row["n"])) for name in TURN}}


async def _opened_attempt(sealer: Sealer, row: Row) -> Row:
    n = row["n"]
    opened = {name: await _opened_document(sealer, name, n, row[name]) for name in DOCUMENTS if row.get(name)}
    brief = {"brief": await open_text(sealer, row["brief"], brief_context(n))} if "brief" in row else {}
    return {**row, **opened, **brief}


async def _opened_document(sealer: Sealer, column: str, attempt: int, document: Row) -> Row:
    key = DOCUMENTS[column]
    return {**document, key: await open_text(sealer, document[key], document_context(column, attempt))} if key in document else document
