"""Taking secrets out of what is written for people to see, whatever part of Genie writes it: events, and what a checkpoint makes true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection

Clean: TypeAlias = Callable[[Any], Any]
"""From any JSON to the same without secrets."""


class Cleans(Protocol):
    """A pool, which is told what is secret after it was opened."""

    def clean(self, value: Any) -> Any:  # any JSON
        """A value without secrets."""
        ...


_cleaners: Final[WeakKeyDictionary[AsyncConnection[Any], Cleans]] = WeakKeyDictionary()


def clean_over(connection: AsyncConnection[Any], pool: Cleans) -> None:
    """Let what is written over a connection be cleaned as its pool says."""
    _cleaners[connection] = pool


def cleaned(connection: AsyncConnection[Any], value: Any) -> Any:  # any JSON
    """A value as it may be written over a connection."""
    pool = _cleaners.get(connection)
    return value if pool is None else pool.clean(value)
