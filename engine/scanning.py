"""Looking for secrets that stand in the database in clear; what is found is never told, only where."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from typing import Final

from db.connection import Pool
from db.scanning import Text, tables, texts_of
from engine.secret_views import Suspect
from safety.secrets import Redactor

Told = Callable[[str, int], None]
"""Told of each table how many of its rows were read by now."""

_SEALED: Final = re.compile(r"gs1\.[dk]-[0-9a-f]{16}\.[A-Za-z0-9_-]+")
_ESCAPED: Final = re.compile(r"\\(?:[0-7]{3}|\\)")


async def scan(pool: Pool, known: Collection[str], *, told: Told) -> tuple[Suspect, ...]:
    """Look through every table for what is known to be secret and for what has the shape of a secret.

    Args:
        pool: connections to the database.
        known: values that are secret.
        told: for progress.
    """
    redactor = Redactor(known)
    found = list[Suspect]()
    for name, table in (await tables(pool)).items():
        count = 0
        async for texts in texts_of(pool, table):
            # Long texts take a while, and others use this event loop.
            found += await asyncio.to_thread(_suspects, redactor, texts)
            count += len({each.row for each in texts})
        if count:
            told(name, count)
    return tuple(found)


def _suspects(redactor: Redactor, texts: list[Text]) -> list[Suspect]:
    return [
        Suspect(table=each.table, column=each.column, row=redactor.text(each.row), what=what)
        for each in texts
        # Sealed texts are noise, in which by chance anything can stand.
        for what in redactor.found_in(_SEALED.sub(" ", _ESCAPED.sub(" ", each.text)))
    ]
