"""What every executor promises, whoever answers in it."""

from __future__ import annotations

import asyncio
import shutil
from decimal import Decimal

import pytest

from epics.errors import LeaseLost
from executors.in_process import InProcessExecutor
from executors.scripted import ScriptedExecutor
from executors.scripts import Script
from executors.terms import Terms
from safety.prices import Price
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels
from tests.fakes.reach import PeopleInMemory
from tools.context import ToolContext

REPORT = {"summary": "done", "addressed": []}

SCRIPT = {
    "plays": [
        {
            "workflow": "implement",
            "turns": [
                {"say": "Let me see.", "calls": [{"tool": "list_files"}]},
                {"write": {"a.txt": "one\n", "b.txt": "two\n"}, "run": ["echo x >> runs.txt; cat a.txt"]},
                {"edit": [{"path": "a.txt", "old": "one", "new": "three"}], "run": ["echo x >> runs.txt"]},
                {"output": REPORT},
            ],
        }
    ]
}
FILES = {"a.txt": "three\n", "b.txt": "two\n", "runs.txt": "x\nx\n"}


@pytest.fixture
def tree(tmp_path):
    made = tmp_path / "tree"
    made.mkdir()
    return made


@pytest.fixture(params=["in_process", "scripted"])
def make(request):
    """Return a function that makes the executor under test for a script."""

    def make(data):
        script = Script.model_validate(data)
        if request.param == "scripted":
            return ScriptedExecutor(script)
        price = Price.per_million(Decimal(3), Decimal(15))
        return InProcessExecutor(PlayedModels(script), terms=Terms(prices={"scripted:demo": price}, floor_tokens=300))

    return make


def files_of(tree):
    return {path.relative_to(tree).as_posix(): path.read_text() for path in sorted(tree.rglob("*")) if path.is_file()}


def put_back(tree, files):
    shutil.rmtree(tree)
    tree.mkdir()
    for name, content in files.items():
        (tree / name).write_text(content)


async def test_an_agent_hands_back_its_typed_output_and_its_files_are_there(make, tree):
    outcome = await make(SCRIPT).run(order(tree), MemoryJournal(tree=tree))

    assert (outcome.ended_by, outcome.output, outcome.error_kind) == ("done", REPORT, None)
    assert files_of(tree) == FILES
    assert (outcome.turns, outcome.model) == (4, "scripted:demo")
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (4_800, 1_200)
    assert outcome.cost_usd == Decimal("0.0324")


async def test_each_answer_is_paid_for_recorded_and_only_then_acted_on(make, tree):
    journal = MemoryJournal(tree=tree)

    await make(SCRIPT).run(order(tree), journal)

    assert journal.log == [
        "reserved",
        "answered 1",
        "tool_called",
        "completed 1",
        "reserved",
        "answered 2",
        *["tool_called"] * 3,
        "completed 2 changed",
        "reserved",
        "answered 3",
        *["tool_called"] * 2,
        "completed 3 changed",
        "reserved",
        "answered 4",
        "completed 4",
    ]


@pytest.mark.parametrize("with_results", [True, False])
@pytest.mark.parametrize("known", [1, 2, 3, 4])
async def test_a_crash_after_any_turn_buys_nothing_again_and_does_nothing_again(make, tree, known, with_results):
    first = MemoryJournal(tree=tree)
    whole = await make(SCRIPT).run(order(tree), first)
    last_tree = max((n for n in first.snapshots if n < known + with_results), default=None)
    put_back(tree, first.snapshots[last_tree] if last_tree else {})
    journal = first.up_to(known, with_results=with_results)

    again = await make(SCRIPT).run(order(tree), journal)

    assert again == whole
    assert files_of(tree) == FILES
    assert journal.log.count("reserved") == 4 - known
    # What follows from commands that were run again may differ: their printed seconds are a part of the next request.
    same = known + with_results
    assert [turn.request_hash for turn in await journal.turns()][:same] == [turn.request_hash for turn in await first.turns()][:same]
    assert [turn.request for turn in await journal.turns()][:known] == [turn.request for turn in await first.turns()][:known]


async def test_an_attempt_with_a_recorded_end_asks_nobody(make, tree):
    first = MemoryJournal(tree=tree)
    whole = await make(SCRIPT).run(order(tree), first)
    journal = first.up_to(4)

    again = await make(SCRIPT).run(order(tree), journal)

    assert again == whole
    assert journal.log == []


@pytest.mark.parametrize("known", [0, 2])
async def test_recorded_turns_count_against_the_limit_of_turns(make, tree, known):
    first = MemoryJournal(tree=tree)
    await make(SCRIPT).run(order(tree), first)
    journal = first.up_to(known)

    outcome = await make(SCRIPT).run(order(tree, turns=3), journal)

    assert (outcome.ended_by, outcome.turns, outcome.output) == ("turns", 3, None)
    assert "3 turns" in outcome.error
    assert [turn.results is not None for turn in await journal.turns()] == [True] * 3


async def test_a_limit_of_money_is_never_passed_and_raising_it_goes_on_from_there(make, tree):
    poor = MemoryJournal(tree=tree, limit_usd=Decimal("0.0300"))
    spent = await make(SCRIPT).run(order(tree), poor)

    rich = MemoryJournal(tree=tree)
    outcome = await make(SCRIPT).run(order(tree, continues=await poor.turns()), rich)

    assert spent.ended_by == "budget"
    assert poor.spent <= Decimal("0.0300")
    assert outcome.ended_by == "done"
    assert files_of(tree) == FILES


async def test_a_call_that_does_not_fit_is_not_made(make, tree):
    journal = MemoryJournal(tree=tree, limit_usd=Decimal("0.0001"))

    outcome = await make(SCRIPT).run(order(tree), journal)

    assert (outcome.ended_by, outcome.turns, outcome.cost_usd) == ("budget", 0, Decimal(0))
    assert "does not fit the limit" in outcome.error
    assert journal.log == []


async def test_an_attempt_that_takes_too_long_ends_as_timeout(make, tree):
    slow = {"plays": [{"workflow": "implement", "turns": [{"run": ["sleep 30; touch late"]}, {"output": REPORT}]}]}

    outcome = await make(slow).run(order(tree, seconds=0.5), MemoryJournal(tree=tree))

    assert outcome.ended_by == "timeout"
    assert outcome.turns == 1
    assert "0.5 s" in outcome.error
    assert files_of(tree) == {}


async def test_cancelling_passes_through_and_ends_what_was_running(make, tree):
    slow = {"plays": [{"workflow": "implement", "turns": [{"run": ["touch begun; sleep 1; touch late"]}, {"output": REPORT}]}]}
    running = asyncio.ensure_future(make(slow).run(order(tree), MemoryJournal(tree=tree)))
    while not (tree / "begun").exists():
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await asyncio.sleep(1.2)
    assert not (tree / "late").exists()


async def test_nothing_is_written_beyond_the_boundaries(make, tree, tmp_path):
    (tree / "door").symlink_to(tmp_path)
    writes = {"ok/a.txt": "a", "../out.txt": "b", "door/out.txt": "c", "locked/a.txt": "d", "other.txt": "e", ".git/hooks/x": "f"}
    script = {"plays": [{"workflow": "implement", "turns": [{"write": writes}, {"output": REPORT}]}]}
    journal = MemoryJournal()

    outcome = await make(script).run(order(tree, allowed_paths=("ok/**", "locked/**"), forbidden_paths=("locked/**",)), journal)

    assert outcome.ended_by == "done"
    assert files_of(tree) == {"ok/a.txt": "a"}
    assert not (tmp_path / "out.txt").exists()
    assert [note["ok"] for kind, note in journal.notes if kind == "tool_called"] == [True, False, False, False, False, False]


async def test_a_tool_that_the_workflow_does_not_list_is_not_run(make, tree):
    script = {"plays": [{"workflow": "review", "turns": [{"write": {"a.txt": "a"}, "run": ["touch b.txt"]}, {"output": REPORT}]}]}

    outcome = await make(script).run(order(tree, workflow="review", tools=("read_file",)), MemoryJournal())

    assert outcome.ended_by == "done"
    assert files_of(tree) == {}


async def test_a_worker_that_lost_its_lease_runs_no_tool(make, tree):
    journal = MemoryJournal()
    journal.raises["answered"] = LeaseLost("epic e-0123456789 was taken over")

    script = {"plays": [{"workflow": "implement", "turns": [{"write": {"a.txt": "a"}}, {"output": REPORT}]}]}
    with pytest.raises(LeaseLost):
        await make(script).run(order(tree), journal)

    assert files_of(tree) == {}


async def test_an_output_of_the_wrong_form_ends_as_no_output(make, tree):
    wrong = {"plays": [{"workflow": "implement", "turns": [{"output": {"verdict": "fine"}}] * 9}]}

    outcome = await make(wrong).run(order(tree), MemoryJournal())

    assert (outcome.ended_by, outcome.error_kind, outcome.output) == ("error", "no_output", None)
    assert "\n" not in outcome.error


async def test_a_call_that_a_crash_made_be_made_again_has_the_id_that_it_had(make, tree):
    people, journal = PeopleInMemory(), MemoryJournal(tree=tree)
    calls = [{"tool": "tell_people", "arguments": {"text": "twice"}}, {"tool": "tell_people", "arguments": {"text": "twice"}}]
    executor = make({"plays": [{"workflow": "implement", "turns": [{"calls": calls}, {"output": REPORT}]}]})
    asked = order(tree, tools=("tell_people",), reach=ToolContext(people=people))
    await executor.run(asked, journal)
    before = dict(people.told)
    cut = journal.up_to(1, with_results=False)

    outcome = await executor.run(asked, cut)

    assert outcome.ended_by == "done"
    assert (len(before), people.told) == (2, before)
    assert [data.get("again") for kind, data in cut.notes if kind == "tool_called"] == [True, True]
