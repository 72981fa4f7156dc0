"""Reading every text that stands in the database, table by table, for whoever looks for secrets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import sql
from psycopg.rows import tuple_row

from db.connection import Pool
from db.epics import Row, fetch_all
from db.failures import foreseen

#: Packed by git: what they hold is read by git, not here.
_PACKED: Final = frozenset({"packs", "lfs_contents"})
_BATCH: Final = 200
_AS_TEXT: Final[dict[str, LiteralString]] = {
    # Bytes as readable as they get: what is no ASCII is written as numbers.
    "bytea": "encode({column}, 'escape')",
    "text": "{column}::text",
}


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text, and where it stands."""

    table: str
    column: str
    row: str
    text: str


async def tables(pool: Pool) -> dict[str, Row]:
    """Each table of Genie with the columns of its key, and those columns that hold text, JSON or bytes, with their types."""
    rows = await fetch_all(pool, "tables_with_texts", {})
    return {row["name"]: row for row in rows if row["name"] not in _PACKED}


async def texts_of(pool: Pool, table: Row) -> AsyncGenerator[list[Text]]:
    """All texts of a table, some rows at a time, as of one instant."""
    names = list(table["columns"])
    key = sql.SQL(" || ' ' || ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in table["key"]) if table["key"] else None
    columns = [
        sql.SQL(_AS_TEXT["bytea" if kind == "bytea" else "text"]).format(column=sql.Identifier(name))
        for name, kind in table["columns"].items()
    ]
    asked = sql.SQL("SELECT {}, {} FROM {}").format(
        key or sql.SQL("ctid::text"), sql.SQL(", ").join(columns), sql.Identifier(table["name"])
    )
    with foreseen():
        async with (
            pool.connection() as connection,
            connection.transaction(),
            connection.cursor("scan", row_factory=tuple_row) as cursor,
        ):
            await cursor.execute(asked)
            while rows := await cursor.fetchmany(_BATCH):
                yield [
                    Text(table=table["name"], column=name, row=str(row[0]), text=value)
                    for row in rows
                    for name, value in zip(names, row[1:], strict=True)
                    if value
                ]
