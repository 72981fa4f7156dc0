"""Choosing the words of a text to search by: what stands in every second fact finds nothing and costs much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

MOST_MATCHES: Final = 2_000
"""About how many facts are ranked for one search."""

_MOST_WORDS: Final = 24


@dataclass(frozen=True, kw_only=True)
class Commonness:
    """How common words are, as far as that is known."""

    shares: Mapping[str, float] = field(default_factory=dict)
    """Of the commonest words, the share of all facts that have them."""
    facts: float = 0.0
    """About how many facts there are."""

    def matches(self, word: str) -> float:
        """About how many facts have a word; a word that nobody counted is rarer than each that was."""
        return self.shares.get(word, min(self.shares.values(), default=0.0) / 2) * self.facts


def chosen_words(lexemes: Iterable[str], commonness: Commonness) -> tuple[str, ...]:
    """The rarest words of a text, as many as together match no more facts than can be ranked; one at least."""
    ordered = sorted(set(lexemes), key=lambda word: (commonness.matches(word), word))
    chosen: list[str] = []
    matches = 0.0
    for word in ordered[:_MOST_WORDS]:
        matches += commonness.matches(word)
        if chosen and matches > MOST_MATCHES:
            break
        chosen.append(word)
    return tuple(chosen)


def any_of(words: Iterable[str]) -> str:
    """A search for any of these words, in the language of the database's text search."""
    return " | ".join(quoted(word) for word in words)


def quoted(word: str) -> str:
    """A word as that language takes it to the letter."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
