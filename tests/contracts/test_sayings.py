"""What every executor does with what people say to its agent while it works."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from executors.in_process import InProcessExecutor
from executors.journaled_model import Terms
from executors.sayings import told
from executors.scripted import ScriptedExecutor
from executors.scripts import Script
from safety.prices import Price
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels

REPORT = {"summary": "done", "addressed": []}
SCRIPT = {"plays": [{"workflow": "implement", "turns": [{"calls": [{"tool": "list_files"}]}, {"write": {"a": "1\n"}}, {"output": REPORT}]}]}


@pytest.fixture
def tree(tmp_path):
    made = tmp_path / "tree"
    made.mkdir()
    return made


@pytest.fixture(params=["in_process", "scripted"])
def executor(request):
    script = Script.model_validate(SCRIPT)
    if request.param == "scripted":
        return ScriptedExecutor(script)
    price = Price.per_million(Decimal(3), Decimal(15))
    return InProcessExecutor(PlayedModels(script), terms=Terms(prices={"scripted:demo": price}, floor_tokens=300))


class Interrupted(MemoryJournal):
    """A journal that somebody speaks into as the results of the first turn are recorded."""

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:
        await super().completed(n, results=results, changed=changed)
        if n == 1:
            self.say("Use tabs.")
            self.say('It said "no";\n\tmind that.')


def told_in(turn):
    said = ("Use tabs.", 'It said "no";\n\tmind that.')
    return [number for number, text in enumerate(said, start=1) if json.dumps(text)[1:-1] in json.dumps(turn.request)]


async def test_the_next_request_tells_what_was_said_and_no_other_does(executor, tree):
    journal = Interrupted(tree=tree)

    outcome = await executor.run(order(tree), journal)

    assert outcome.ended_by == "done"
    turns = await journal.turns()
    assert [turn.heard for turn in turns] == [(), (1, 2), ()]
    assert [told_in(turn) for turn in turns] == [[], [1, 2], []]


async def test_what_was_said_before_the_first_call_is_told_in_it(executor, tree):
    journal = MemoryJournal(tree=tree)
    journal.say("Begin with a.")

    await executor.run(order(tree), journal)

    assert [turn.heard for turn in await journal.turns()] == [(1,), (), ()]


async def test_after_a_crash_nothing_is_told_twice(executor, tree):
    first = Interrupted(tree=tree)
    await executor.run(order(tree), first)
    journal = first.up_to(2, with_results=True)
    journal.sayings = list(first.sayings)

    await executor.run(order(tree), journal)

    assert [turn.heard for turn in await journal.turns()] == [(), (1, 2), ()]
    assert [turn.request_hash for turn in await journal.turns()] == [turn.request_hash for turn in await first.turns()]


async def test_what_no_recorded_answer_has_heard_is_told_after_a_crash(executor, tree):
    first = Interrupted(tree=tree)
    await executor.run(order(tree), first)
    journal = first.up_to(1, with_results=True)
    journal.sayings = list(first.sayings)

    await executor.run(order(tree), journal)

    assert [turn.heard for turn in await journal.turns()] == [(), (1, 2), ()]


async def test_a_model_is_sent_what_was_said_in_every_later_request_too(tree):
    models = PlayedModels(Script.model_validate(SCRIPT))
    journal = Interrupted(tree=tree)

    await InProcessExecutor(models, terms=Terms(floor_tokens=300)).run(order(tree), journal)

    words = repr(told(journal.sayings[0]))[1:-1]
    assert [str(asked).count(words) for asked in models.asked] == [0, 1, 1]
