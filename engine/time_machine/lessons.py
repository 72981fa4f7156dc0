"""Finding the earlier failures that are worth telling: searched in the database, ranked here, kept short."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from db.analyses import Search, lessons_of_task, search_analyses
from db.epics import Row, record_event
from engine.running import Running
from epics.errors import StoreUnavailable
from epics.lessons import Lesson, Worked
from epics.steps import AGENT_STEPS, Step
from epics.verdicts import FailureType
from nodes.context import Need
from safety.paths import matches
from safety.secrets import redact

MOST: Final = 5
"""Lessons in one brief."""

MOST_CHARS: Final = 4_000
"""Their text together: a brief is for the work, and not for the past."""

_LEAST_SCORE: Final = 1.5
_HALF_LIFE_DAYS: Final = 30.0
_FULL_LIKENESS: Final = 0.6
"""About what `ts_rank` gives where every word of a goal stands in the other goal too."""

_CAPS: Final = {"cause": 800, "prevention": 800, "evidence": 400, "said": 400}
_EVERYTHING: Final = "**"

_NOT_THE_WORK: Final = frozenset({FailureType.PROVIDER, FailureType.ENVIRONMENT, FailureType.BUDGET})
"""Failures that no agent can avoid."""

_ON_THE_WORK: Final = frozenset({Step.IMPLEMENT, Step.TEST, Step.REVIEW, Step.FIX, Step.REFACTOR})

_OF_USE: Final[Mapping[Step | str, frozenset[Step]]] = {
    Step.PLANNING: AGENT_STEPS,
    Step.ARCHITECT: frozenset({Step.PLANNING, Step.ARCHITECT}) | _ON_THE_WORK,
    **dict.fromkeys(_ON_THE_WORK, _ON_THE_WORK),
}
"""For each step, those whose failures it can learn from; a step that is not here learns from its own alone."""


class EpicLessons:
    """Implements `nodes.context.Lessons` for one run of one epic."""

    def __init__(self, running: Running) -> None:
        """Bind to a run."""
        self._running = running

    async def relevant(self, need: Need) -> tuple[Lesson, ...]:
        """A few earlier failures of this project; those that were told, where the task's attempt is there already.

        A search that fails is noted as an event, and nothing is told.

        Raises:
            StoreUnavailable: if the database does not answer at all.
            LeaseLost: if another worker has taken the epic over.
        """
        pool, facts = self._running.database.pool, self._running.facts
        known = await lessons_of_task(pool, facts.id, need.task_id)
        if known is not None and known["opened"]:
            return tuple(Lesson.model_validate(lesson) for lesson in known["lessons"] or ())
        if known is None or not known["any_failure"]:
            return ()
        search = Search(
            epic=facts.id,
            text=facts.goal,
            steps=sorted(map(str, _OF_USE.get(need.step, (need.step,)))),
            but_types=sorted(_NOT_THE_WORK),
            but_point=need.failure.point if need.failure else None,
        )
        try:
            found = await search_analyses(pool, search)
        except StoreUnavailable as error:
            # Under the fence, so that a database that is gone ends the step as it always does.
            await record_event(pool, self._running.lease, "lessons_unavailable", {"step": need.step, "problem": str(error)[:500]})
            return ()
        return chosen(found, need)


def chosen(rows: Iterable[Row], need: Need) -> tuple[Lesson, ...]:
    """The few of the rows that are of most use, within the size that a brief has for them; the same failure is told once."""
    scored = sorted(((score_of(row, need), row) for row in rows), key=lambda pair: pair[0], reverse=True)
    lessons: list[Lesson] = []
    # A fork begins with its source's past: what its brief tells anyway, or fails of again, is there for the source too.
    told = {(need.failure.cause, need.failure.evidence)} if need.failure else set[tuple[str, str]]()
    room = MOST_CHARS
    for score, row in scored:
        lesson = lesson_of(row)
        same = (row["analysis"]["cause"], row["analysis"]["evidence"])
        if score < _LEAST_SCORE or same in told or len(lesson.text) > room:
            continue
        told.add(same)
        lessons.append(lesson)
        room -= len(lesson.text)
        if len(lessons) == MOST:
            break
    return tuple(lessons)


def score_of(row: Mapping[str, Any], need: Need) -> float:
    """How much use a failure of the past is: by step, likeness of goals, kind, paths, age, and whether a way out is known."""
    same_step = 2.0 if row["step"] == need.step else 0.5
    likeness = 2.0 * min(1.0, row["likeness"] / _FULL_LIKENESS)
    same_type = 1.0 if need.failure and row["analysis"]["type"] == need.failure.type else 0.0
    paths = 2.0 * _share(row["files"], need.paths)
    fresh = math.pow(0.5, max(0.0, row["days"]) / _HALF_LIFE_DAYS)
    return float(same_step + likeness + same_type + paths + fresh * 0.9 + (0.5 if row["worked"] else 0.0))


def lesson_of(row: Mapping[str, Any]) -> Lesson:
    """What is told of a failure: cut to what a brief has room for, and without what looks like a secret."""
    analysis, worked = row["analysis"], row["worked"]
    return Lesson(
        epic=row["epic"],
        moment=row["moment"],
        attempt=row["attempt"],
        step=row["step"],
        type=analysis["type"],
        cause=_said(analysis["cause"], "cause"),
        prevention=_said(analysis["prevention"], "prevention"),
        evidence=_said(analysis["evidence"], "evidence"),
        worked=_worked(worked) if worked else None,
        seen=row["created_at"].date().isoformat(),
    )


def _worked(worked: Mapping[str, Any]) -> Worked:
    changes = (f"{change['field']}: {_short(change.get('before'))} → {_short(change.get('after'))}" for change in worked["changed"][:6])
    return Worked(step=worked["step"], attempt=worked["attempt"], said=_said(worked["said"], "said"), changed=tuple(changes))


def _said(text: str, field: str) -> str:
    most = _CAPS[field]
    text = redact(text).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _short(value: Any) -> str:  # any JSON
    text = ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
    return redact(text)[:120]


def _share(files: Iterable[str], globs: tuple[str, ...]) -> float:
    """How much of what the failed attempt changed is what the work at hand is about; a plan that allows everything is about nothing."""
    changed = [path for path in files if isinstance(path, str)]
    about = tuple(glob for glob in globs if glob != _EVERYTHING)
    return sum(matches(path, about) for path in changed) / len(changed) if changed and about else 0.0
