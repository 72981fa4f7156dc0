"""One search in PostgreSQL: each way by itself, then all as one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from unicodedata import category

from db import knowledge as rows
from db.connection import Connection
from db.storable import storable_text
from epics.knowledge import ALL_GROUPS, Found
from memory.fusing import EACH_WAY, with_neighbours
from memory.port import Query
from memory.words import MOST_MATCHES, Commonness, any_of, chosen_words, quoted

_MOST_CHARS: Final = 8_000
_MOST_AWAY: Final = 0.7
"""Texts whose vectors are less alike than this, as 1 minus their cosine, are not found by meaning."""
_FAR: Final = 2
_NEAR: Final = 1


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What is sought, with all that was found out beforehand."""

    query: Query
    project: int
    vector: tuple[str, int, str] | None
    """Model, dimensions and vector of the text."""
    commonness: Commonness


class Search:
    """One search over one connection; every statement of it names the project and the shelves."""

    def __init__(self, connection: Connection, sought: Sought) -> None:
        """Bind to a transaction."""
        self._connection = connection
        self._sought = sought
        query = sought.query
        self._scope: dict[str, Any] = {
            "project": sought.project,
            "shelves": list(query.groups),
            "held_at": query.as_of or datetime.now(UTC),
            "most": max(EACH_WAY, query.limit),
            "ranked": MOST_MATCHES,
        }

    async def found(self) -> tuple[Found, ...]:
        """What fits best, best first."""
        query = self._sought.query
        ways = {"text": await self._by_words(), "vector": await self._by_vector()}
        around = None if query.around is None else self._near(names=[storable_text(query.around)], steps=_FAR)
        order = await with_neighbours(ways, around=around, beside=lambda facts: self._near(facts=facts, steps=_NEAR))
        best = order[: query.limit]
        facts = await rows.facts_by_number(self._connection, query.project, [each.key for each in best], self._scope)
        return tuple(Found(fact=facts[each.key], score=each.score, ways=each.ways) for each in best if each.key in facts)

    async def _by_words(self) -> list[int]:
        text = plain(self._sought.query.text)
        values = {**self._scope, "scope": self._scope_words(), "text": text}
        found = await rows.numbers(self._connection, "facts_by_all_words", values)
        if len(found) >= self._scope["most"]:
            return found
        lexemes = (await rows.all_rows(self._connection, "lexemes_of", {"text": text}))[0]["lexemes"]
        if not lexemes:
            return found
        values |= {"rare": any_of(chosen_words(lexemes, self._sought.commonness)), "any": any_of(lexemes)}
        more = await rows.numbers(self._connection, "facts_by_any_word", values)
        return list(dict.fromkeys([*found, *more]))[: self._scope["most"]]

    async def _by_vector(self) -> list[int]:
        if self._sought.vector is None:
            return []
        model, dimensions, vector = self._sought.vector
        values = {**self._scope, "model": model, "dimensions": dimensions, "vector": vector, "far": _MOST_AWAY}
        return await rows.numbers(self._connection, "facts_by_vector", values)

    async def _near(self, *, names: Sequence[str] = (), facts: Sequence[int] = (), steps: int) -> list[int]:
        values = {**self._scope, "names": list(names), "facts": list(facts), "steps": steps}
        return await rows.numbers(self._connection, "facts_near", values)

    def _scope_words(self) -> str:
        """The words that each fact has for its project and shelf, so that the index itself stays within them."""
        groups = set(self._sought.query.groups)
        if groups == set(ALL_GROUPS):
            return quoted(f"project {self._sought.project}")
        return any_of(f"project {self._sought.project} {group}" for group in sorted(groups))


def plain(text: str) -> str:
    """The beginning of a text without signs that nobody sees: they would make another word of the one that they stand at."""
    return "".join(" " if category(sign) == "Cf" else sign for sign in storable_text(text[:_MOST_CHARS]))
