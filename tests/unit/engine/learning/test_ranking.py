"""Which facts are recalled, in which order, and how much of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rendering import fenced
from engine.learning.ranking import MOST, Asking, chosen
from epics.knowledge import Fact, Found, Group, Source
from epics.lessons import Lesson, Worked

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LESSON = Lesson(
    epic="e-0000000001",
    moment=5,
    attempt=3,
    step="implement",
    type="timeout",
    cause="c",
    prevention="p",
    worked=Worked(step="implement", attempt=5),
    seen="2026-04-01",
)


def found(text: str = "A fact.", *, score: float = 0.03, days: float = 0.0, epic: str = "e-0000000001", **more: Any) -> Found:
    source = Source(kind="epic", id=epic, attempt=more.pop("attempt", None))
    facts = {"id": f"f-{abs(hash(text))}", "project": "p", "group": Group.CONTEXT, "episode": "k", "title": "t", "source": source}
    at = NOW - timedelta(days=days)
    return Found(fact=Fact(text=text, valid_from=at, recorded_at=at, **{**facts, **more}), score=score, ways={"text": 1})


def asking(step: str = "implement", *, tokens: int = 10_000, lessons: tuple[Lesson, ...] = ()) -> Asking:
    return Asking(epic="e-0000000009", step=step, lessons=lessons, tokens=tokens, now=NOW)


@pytest.mark.parametrize(
    "more, less, step",
    [
        (found("m", score=0.04), found("l"), "implement"),
        (found("m", days=1), found("l", days=200), "implement"),
        (found("m", group=Group.LEARNING), found("l", group=Group.DECISIONS), "fix"),
        (found("m", group=Group.DECISIONS), found("l", group=Group.PROCEDURES), "architect"),
        (found("m", group=Group.PROCEDURES), found("l", group=Group.DECISIONS), "test"),
    ],
)
def test_what_is_of_more_use_comes_first(more, less, step):
    assert [memory.text for memory in chosen([less, more], asking(step))] == ["m", "l"]


def test_the_same_words_are_told_once():
    told = chosen([found("Use  tabs.", score=0.02), found("use tabs.", score=0.04)], asking())

    assert [memory.text for memory in told] == ["use tabs."]


def test_what_a_lesson_tells_and_what_worked_then_is_left_out():
    facts = [
        found("failed", attempt=3, group=Group.LEARNING),
        found("worked", attempt=5, group=Group.PATTERNS),
        found("another", attempt=4, group=Group.LEARNING),
        found("command", attempt=5, group=Group.PROCEDURES),
    ]

    told = chosen(facts, asking(lessons=(LESSON,)))

    assert {memory.text for memory in told} == {"another", "command"}


def test_an_epic_is_not_told_of_itself():
    assert chosen([found(epic="e-0000000009")], asking()) == ()


def test_no_more_is_told_than_there_is_room_for():
    facts = [found(f"{n} " + "word " * 60, score=1 / n) for n in range(1, 30)]

    assert len(chosen(facts, asking(tokens=220))) == 2
    assert len(chosen(facts, asking())) == MOST
    assert chosen(facts, asking(tokens=0)) == ()


def test_what_looks_like_a_secret_is_not_told():
    (memory,) = chosen([found("The key is sk-ant-abcdefghijklmnopqrstuvwxyz123456.")], asking())

    assert memory.text == "The key is [secret]."


@given(st.text(max_size=300), st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90))
def test_nothing_that_is_told_breaks_out_of_its_line_or_its_quotation(text, fact_id, source_id):
    fact = found(f"x{text}", id=fact_id)
    odd = fact.model_copy(update={"fact": fact.fact.model_copy(update={"source": Source(kind="person", id=source_id)})})

    (memory,) = chosen([odd], asking())

    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", memory.id)
    assert re.fullmatch(r"a person|person [a-z]-[0-9a-z]{10}", memory.source)
    fence = fenced(memory.text).split("\n")[0]
    assert fence not in memory.text
