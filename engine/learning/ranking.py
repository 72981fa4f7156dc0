"""Which of the facts that were found are recalled, and in which order: by use for the step, by freshness, within a size, nothing twice."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from epics.knowledge import Fact, Found, Group, Source
from epics.lessons import Lesson
from epics.recalled import Recalled
from epics.steps import Step
from safety.secrets import redact

MOST: Final = 8
"""Facts in one brief."""

_CHARS_OF_TOKEN: Final = 4
"""About what English text has; no tokenizer fits all models."""
_AROUND_CHARS: Final = 100
"""The line above each fact, and the lines of tildes around it."""
_TEXT_CHARS: Final = 1_500
_HALF_LIFE_DAYS: Final = 90.0
_OLD: Final = 0.5
"""What is left of the score of a fact however old it is: a convention holds for years."""

_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORK: Final = re.compile(r"[a-z]-[0-9a-z]{10}")

_USE: Final[Mapping[str, Mapping[Group, float]]] = {
    Step.PLANNING: {Group.DECISIONS: 1.3, Group.CONTEXT: 1.3, Group.PATTERNS: 1.2, Group.PROCEDURES: 0.7},
    Step.ARCHITECT: {Group.DECISIONS: 1.5, Group.CONTEXT: 1.2, Group.PROCEDURES: 0.6},
    Step.IMPLEMENT: {Group.LEARNING: 1.3, Group.CONTEXT: 1.2, Group.PROCEDURES: 1.2},
    Step.TEST: {Group.PROCEDURES: 1.5, Group.LEARNING: 1.2, Group.DECISIONS: 0.7},
    Step.REVIEW: {Group.CONTEXT: 1.3, Group.DECISIONS: 1.3, Group.LEARNING: 1.2},
    Step.FIX: {Group.LEARNING: 1.5, Group.PATTERNS: 1.3, Group.PROCEDURES: 1.2},
    Step.REFACTOR: {Group.DECISIONS: 1.3, Group.CONTEXT: 1.2},
    Step.DOCUMENT: {Group.CONTEXT: 1.3, Group.LEARNING: 0.7, Group.PROCEDURES: 0.8},
    Step.PR: {Group.CONTEXT: 1.2, Group.LEARNING: 0.5, Group.PROCEDURES: 0.5},
}
"""For each step, the groups that it has more or less use for than others; what is not here counts as it is."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who recalls: the epic or run, its step, and what its brief tells anyway."""

    epic: str
    step: str
    lessons: tuple[Lesson, ...]
    tokens: int
    now: datetime


def chosen(found: Iterable[Found], asking: Asking) -> tuple[Recalled, ...]:
    """The few of the facts that are of most use, best first, within the size that the brief has for them."""
    told = {(lesson.epic, lesson.attempt) for lesson in asking.lessons}
    told |= {(lesson.epic, lesson.worked.attempt) for lesson in asking.lessons if lesson.worked}
    recalled: list[Recalled] = []
    seen: set[str] = set()
    room = asking.tokens * _CHARS_OF_TOKEN
    for score, fact in sorted(((_score(each, asking), each.fact) for each in found), key=lambda pair: pair[0], reverse=True):
        # Its own past the epic is told elsewhere: guidance, comments, findings.
        if fact.source.id == asking.epic or _is_lesson(fact, told):
            continue
        memory, words = recalled_of(fact, score), _plain(fact.text)
        size = len(memory.text) + _AROUND_CHARS
        if words in seen or size > room:
            continue
        seen.add(words)
        recalled.append(memory)
        room -= size
        if len(recalled) == MOST:
            break
    return tuple(recalled)


def recalled_of(fact: Fact, score: float) -> Recalled:
    """What is told of a fact: cut to what a brief has room for, without what looks like a secret, its source on one plain line."""
    text = redact(fact.text).strip()
    return Recalled(
        # Outside of the quotation stands nothing that others wrote.
        id=fact.id if _WORD.fullmatch(fact.id) else sha256(fact.id.encode(errors="replace")).hexdigest()[:16],
        group=fact.group,
        score=round(score, 5),
        text=text if len(text) <= _TEXT_CHARS else f"{text[: _TEXT_CHARS - 1]}…",
        source=_where(fact.source),
        seen=fact.valid_from.date().isoformat(),
    )


def _score(found: Found, asking: Asking) -> float:
    days = max(0.0, (asking.now - found.fact.valid_from).total_seconds() / 86_400)
    fresh = _OLD + (1 - _OLD) * math.pow(0.5, days / _HALF_LIFE_DAYS)
    return found.score * _USE.get(asking.step, {}).get(found.fact.group, 1.0) * fresh


def _is_lesson(fact: Fact, told: set[tuple[str, int | None]]) -> bool:
    about = fact.group in {Group.LEARNING, Group.PATTERNS} and fact.source.attempt is not None
    return about and (fact.source.id, fact.source.attempt) in told


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _where(source: Source) -> str:
    """Which work it is from; the names of people stand in the text, if anywhere."""
    work = f"{source.kind} {source.id}" if _WORK.fullmatch(source.id) else f"a {source.kind}"
    return f"{work}, attempt {source.attempt}" if source.attempt else work
