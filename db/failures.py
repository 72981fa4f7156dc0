"""Where the database's errors become Genie's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolTimeout

from epics.errors import GenieError, InvalidInput, InvalidSettings, LeaseLost, StoreUnavailable

#: How the message begins that the fence raises in the database, under SQLSTATE 55000.
LEASE_LOST: Final = "lease lost"

#: What the other errors become; a class stands above those that it is a kind of.
SENTENCES: Final[tuple[tuple[type[psycopg.Error], type[GenieError], str], ...]] = (
    (pg.DiskFull, StoreUnavailable, "the disk of the database is full ({said}); make room and try again"),
    (pg.TooManyConnections, StoreUnavailable, "the database takes no more connections ({said}); try again later"),
    (pg.ReadOnlySqlTransaction, StoreUnavailable, "the database is read only at the moment ({said}); try again later"),
    (PoolTimeout, StoreUnavailable, "no connection to the database became free in time ({said}); try again later"),
    (psycopg.OperationalError, StoreUnavailable, "the database did not answer: {said}"),
    (pg.InsufficientPrivilege, InvalidSettings, "the user in GENIE_DATABASE_URL lacks a right: {said}; grant it"),
    (pg.UntranslatableCharacter, InvalidInput, "a text has a character that the database cannot store ({said}); remove it"),
    (pg.CharacterNotInRepertoire, InvalidInput, "a text has a character that the database cannot store ({said}); remove it"),
)


@contextmanager
def foreseen() -> Generator[None]:
    """Turn the database errors that Genie foresees into its own; the others pass as they are.

    Raises:
        LeaseLost: if the fence refused the write.
        StoreUnavailable: if the database did not answer, or has no room; trying again later can help.
        InvalidInput: if a value holds a character that PostgreSQL cannot store.
        InvalidSettings: if the database user may not do what Genie needs.
    """
    try:
        yield
    except psycopg.Error as error:
        ours = _ours(error)
        if ours is None:
            raise
        raise ours from error


def first_line(error: Exception) -> str:
    """What the database said, without its hints and line breaks."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    # Of several addresses that were tried in vain, the first is told after a heading.
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def _ours(error: psycopg.Error) -> GenieError | None:
    said = _said(error)
    if isinstance(error, pg.ObjectNotInPrerequisiteState) and said.startswith(LEASE_LOST):
        return LeaseLost(f"{said}; another worker has taken the epic over, and nothing of this write was kept")
    if isinstance(error, psycopg.DataError) and "NUL" in said:
        return InvalidInput("a text has a NUL character, which the database cannot store; remove it")
    for theirs, ours, sentence in SENTENCES:
        if isinstance(error, theirs):
            return ours(sentence.format(said=said))
    return None


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or first_line(error)
