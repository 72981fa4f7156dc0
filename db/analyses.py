"""Analyses of failures: which of them are worth telling an agent of, found by what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psycopg

from db.connection import Pool
from db.epics import Row, fetch_one
from db.failures import first_line, foreseen
from db.queries import QUERIES
from epics.errors import GenieError, StoreUnavailable

_SEARCH_MS: Final = 2_000
"""A search may not hold up the step that it is for."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for, among the failures of the project of an epic."""

    epic: str
    text: str
    """What the work is about; any of its words may match."""
    steps: Iterable[str]
    """Those whose failures are of use."""
    but_types: Iterable[str] = ()
    but_point: str | None = None
    """The failure of this same epic that is told anyway."""


async def lessons_of_task(pool: Pool, epic_id: str, task_id: str) -> Row | None:
    """What the attempt of a task was told ({opened, lessons}), and whether its project had any failure (any_failure)."""
    return await fetch_one(pool, "lessons_of_task", {"epic": epic_id, "task": task_id})


async def search_analyses(pool: Pool, search: Search) -> list[Row]:
    """Failures that may be worth telling of, likest first.

    Raises:
        StoreUnavailable: if the search failed or took too long, whatever was the matter with it.
    """
    values = {
        "epic": search.epic,
        "text": search.text,
        "steps": list(search.steps),
        "but_types": list(search.but_types),
        "but_point": search.but_point,
    }
    try:
        with foreseen():
            async with pool.connection() as connection, connection.transaction():
                await connection.execute(QUERIES["bound_search"], {"ms": _SEARCH_MS})
                return await (await connection.execute(QUERIES["search_analyses"], values)).fetchall()
    except (GenieError, psycopg.Error) as error:
        message = f"earlier failures could not be searched: {first_line(error)}"
        raise StoreUnavailable(message) from error


async def attempt_before(pool: Pool, epic_id: str, step: str) -> Row | None:
    """What bears on the tools of the next attempt: {attempt, configuration} of the one before, {without_tools}, {person}.

    `without_tools` are those that the analysis takes away; `person` says whether somebody decided since then how to go on.
    """
    return await fetch_one(pool, "attempt_before", {"epic": epic_id, "step": step})
