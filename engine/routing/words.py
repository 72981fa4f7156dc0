"""Words as they are compared: without endings and without those that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.routing.splitting import VERBS

_WORD: Final = re.compile(r"[a-z][a-z0-9]+")
_EMPTY: Final = frozenset(
    """
    about after all also an and any are as at be because been before but by can could do does for from had has have how
    if in into is it its just may me more most must my no not of off on one only or other our out please should so some
    such than that the their them then there these they this those to too up us use was we were what when where which
    while who why will with would you your
    """.split()  # noqa: SIM905  # a list of so many would have a line for each
)
_ASIDE: Final = frozenset(
    {"with", "in", "for", "of", "from", "on", "into", "by", "at", "so", "because", "that", "which", "like", "without"}
)
"""What stands behind them is told about what is to be done, and is mostly not it."""
_ENDINGS: Final = (
    ("ations", "at"),
    ("ation", "at"),
    ("izing", "is"),
    ("ising", "is"),
    ("ize", "is"),
    ("ise", "is"),
    ("ments", "ment"),
    ("ies", "y"),
    ("ings", ""),
    ("ing", ""),
    ("ied", "y"),
    ("ers", ""),
    ("ed", ""),
    ("er", ""),
    ("es", ""),
    ("s", ""),
    ("ly", ""),
    ("e", ""),
)
_SHORTEST: Final = 3


@dataclass(frozen=True)
class Word:
    """A word of a request."""

    stem: str
    is_deed: bool
    is_aside: bool


def stem(word: str) -> str:
    """A word without its ending, so that "documents" and "documenting" are one; it need not be a word any more."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST and not word.endswith("ss"):
            return _single(word[: -len(ending)] + instead)
    return word


def stems(text: str) -> tuple[str, ...]:
    """The words of a text that say something, in order."""
    return tuple(stem(word) for word in _WORD.findall(text.lower()) if word not in _EMPTY)


def said(text: str) -> tuple[Word, ...]:
    """The words of a request that say something: the deed, what it is done to, and what is only mentioned beside that."""
    words, aside = list[Word](), False
    found = _WORD.findall(text.lower())
    verb = next((place for place, word in enumerate(found) if word in VERBS), -1)
    for place, word in enumerate(found):
        aside = (aside or word in _ASIDE) and place > verb
        if word not in _EMPTY:
            words.append(Word(stem=stem(word), is_deed=place == verb, is_aside=aside or place < verb))
    return tuple(words)


def pairs(words: Iterable[Word]) -> tuple[tuple[str, str], ...]:
    """The deed with each word that says what it is done to."""
    words = tuple(words)
    deed = next((word.stem for word in words if word.is_deed), None)
    return tuple((deed, word.stem) for word in words if not word.is_deed and not word.is_aside) if deed is not None else ()


def _single(word: str) -> str:
    """As "plan" where it was "planning"."""
    return word[:-1] if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "lsz" else word
