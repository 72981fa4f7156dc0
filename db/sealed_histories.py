"""Histories on their way out of a database and into one: what is sealed is opened, and sealed again with the keys of where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from db.sealed_journal import (
    DOCUMENTS,
    TURN,
    Row,
    brief_context,
    open_attempts,
    open_text,
    open_turns,
    seal_document,
    seal_json,
    seal_text,
    turn_context,
)
from db.sealer import Sealer


async def opened_rows(sealer: Sealer, rows: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """What is sealed here is of no use elsewhere: a history travels as it is read."""
    briefs = [{**row, "text": await open_text(sealer, row["text"], brief_context(row["attempt"]))} for row in rows["briefs"]]
    turns, attempts = await open_turns(sealer, rows["turns"]), await open_attempts(sealer, rows["attempts"])
    return {**rows, "briefs": briefs, "turns": turns, "attempts": attempts}


async def sealed_rows(sealer: Sealer, rows: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """What comes from elsewhere is kept as what is written here."""
    briefs = [{**row, "text": await seal_text(sealer, row["text"], brief_context(row["attempt"]))} for row in rows["briefs"]]
    turns = [
        {**row, **{name: await seal_json(sealer, row[name], turn_context(name, row["attempt"], row["n"])) for name in TURN}}
        for row in rows["turns"]
    ]
    attempts = [
        {**row, **{name: await seal_document(sealer, name, row["n"], row[name]) for name in DOCUMENTS if name in row}}
        for row in rows["attempts"]
    ]
    return {**rows, "briefs": briefs, "turns": turns, "attempts": attempts}
