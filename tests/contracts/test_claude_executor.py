"""What every executor promises, where the real Claude Code CLI works: it asks through the gateway, and uses tools of its own."""

from __future__ import annotations

import asyncio
import shutil
from decimal import Decimal

import pytest

from epics.errors import LeaseLost
from epics.verdicts import Review
from tests.fakes.claude import MODEL
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order

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


def play(*turns, workflow="implement"):
    return {"plays": [{"workflow": workflow, "turns": list(turns)}]}


def files_of(tree):
    return {path.relative_to(tree).as_posix(): path.read_text() for path in sorted(tree.rglob("*")) if path.is_file()}


def put_back(tree, files):
    shutil.rmtree(tree)
    tree.mkdir()
    for name, content in files.items():
        (tree / name).write_text(content)


async def test_an_agent_hands_back_its_typed_output_and_its_files_are_there(claude, provider, deep_tree):
    server, journal = provider(SCRIPT), MemoryJournal(tree=deep_tree)

    outcome = await claude(server, journal)

    assert (outcome.ended_by, outcome.output, outcome.error_kind) == ("done", REPORT, None), outcome
    assert files_of(deep_tree) == FILES
    assert (outcome.turns, outcome.model) == (4, MODEL)
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (4_800, 1_200)
    assert outcome.cost_usd == server.cost_usd == journal.spent == Decimal("0.0324")
    assert not order(deep_tree).folder.exists()


async def test_each_answer_is_paid_for_recorded_and_only_then_acted_on(claude, provider, deep_tree):
    journal = MemoryJournal(tree=deep_tree)

    await claude(provider(SCRIPT), journal)

    turns = [entry for entry in journal.log if entry.partition(" ")[0] in {"reserved", "answered", "completed"}]
    assert [entry for entry in turns if not entry.startswith("completed")] == [
        entry for n in range(1, 5) for entry in ("reserved", f"answered {n}")
    ]
    assert [entry for entry in turns if entry.startswith("completed")] == [
        "completed 1",
        "completed 2 changed",
        "completed 3 changed",
        "completed 4",
    ]
    assert all(turns.index(f"completed {n}{' changed' if n in {2, 3} else ''}") < turns.index(f"answered {n + 1}") for n in range(1, 4))
    assert journal.snapshots[2] == {"a.txt": "one\n", "b.txt": "two\n", "runs.txt": "x\n"}


@pytest.mark.parametrize("known, with_results", [(1, False), (2, True), (3, False), (4, False)])
async def test_a_crash_after_any_turn_buys_nothing_again_and_does_nothing_again(claude, provider, deep_tree, known, with_results):
    first, server = MemoryJournal(tree=deep_tree), provider(SCRIPT)
    whole = await claude(server, first)
    last_tree = max((n for n in first.snapshots if n < known + with_results), default=None)
    put_back(deep_tree, first.snapshots[last_tree] if last_tree else {})
    journal = first.up_to(known, with_results=with_results)

    again = await claude(server, journal)

    assert again == whole
    assert files_of(deep_tree) == FILES
    assert journal.log.count("reserved") == 4 - known
    assert server.answered() == 4 + 4 - known
    assert [turn.answer for turn in await journal.turns()][:known] == [turn.answer for turn in await first.turns()][:known]


async def test_an_attempt_with_a_recorded_end_starts_nothing(claude, provider, deep_tree):
    first, server = MemoryJournal(tree=deep_tree), provider(SCRIPT)
    whole = await claude(server, first)
    journal = first.up_to(4)

    again = await claude(server, journal)

    assert again == whole
    assert journal.log == []


@pytest.mark.parametrize("known", [0, 2])
async def test_recorded_turns_count_against_the_limit_of_turns(claude, provider, deep_tree, known):
    first, server = MemoryJournal(tree=deep_tree), provider(SCRIPT)
    if known:
        await claude(server, first)
        put_back(deep_tree, first.snapshots[2])
    journal = first.up_to(known)

    outcome = await claude(server, journal, turns=3)

    assert (outcome.ended_by, outcome.turns, outcome.output) == ("turns", 3, None), outcome
    assert "3 turns" in outcome.error
    assert [turn.results is not None for turn in await journal.turns()] == [True] * 3


async def test_a_limit_of_money_is_never_passed_and_raising_it_goes_on_from_there(claude, provider, deep_tree):
    # A CLI says so much beforehand that even a first call of few tokens could cost more than the whole script does.
    dear = play(*({**turn, "input_tokens": 20_000} for turn in SCRIPT["plays"][0]["turns"]))
    server, poor = provider(dear), MemoryJournal(tree=deep_tree, limit_usd=Decimal("0.1700"))
    spent = await claude(server, poor)
    bought = server.answered()

    rich = MemoryJournal(tree=deep_tree)
    outcome = await claude(server, rich, continues=await poor.turns(), brief="Workflow: implement\n\nGo on.")

    assert spent.ended_by == "budget", spent
    assert poor.spent <= Decimal("0.1700")
    assert bought == 2
    assert outcome.ended_by == "done", outcome
    assert server.answered() == 4
    assert files_of(deep_tree) == FILES


async def test_a_call_that_does_not_fit_is_not_made(claude, provider, deep_tree):
    server, journal = provider(SCRIPT), MemoryJournal(tree=deep_tree, limit_usd=Decimal("0.0001"))

    outcome = await claude(server, journal)

    assert (outcome.ended_by, outcome.turns, outcome.cost_usd) == ("budget", 0, Decimal(0)), outcome
    assert "does not fit the limit" in outcome.error
    assert server.requests == []


async def test_an_attempt_that_takes_too_long_ends_as_timeout(claude, provider, deep_tree):
    slow = play({"run": ["touch begun; python3 -c 'import time; time.sleep(60)'; touch late"]}, {"output": REPORT})

    outcome = await claude(provider(slow), seconds=5.0)

    assert (outcome.ended_by, outcome.turns) == ("timeout", 1), outcome
    assert "5 s" in outcome.error
    assert files_of(deep_tree) == {"begun": ""}


async def test_cancelling_passes_through_and_ends_what_was_running(claude, provider, deep_tree):
    slow = play({"run": ["touch begun; (setsid python3 -c 'import time; time.sleep(1)' && touch late)"]}, {"output": REPORT})
    running = asyncio.ensure_future(claude(provider(slow)))
    while not (deep_tree / "begun").exists():
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await asyncio.sleep(1.2)
    assert not (deep_tree / "late").exists()
    assert not order(deep_tree).folder.exists()


async def test_a_worker_that_lost_its_lease_runs_no_tool(claude, provider, deep_tree):
    journal = MemoryJournal()
    journal.raises["answered"] = LeaseLost("epic e-0123456789 was taken over")

    with pytest.raises(LeaseLost):
        await claude(provider(play({"write": {"a.txt": "a"}}, {"output": REPORT})), journal)

    assert files_of(deep_tree) == {}


async def test_an_output_of_the_wrong_form_ends_as_no_output(claude, provider):
    outcome = await claude(provider(play(*[{"output": {"verdict": "fine"}}] * 9)))

    assert (outcome.ended_by, outcome.error_kind, outcome.output) == ("error", "no_output", None), outcome
    assert "\n" not in outcome.error


async def test_what_a_person_says_is_told_once_and_verbatim(claude, provider, deep_tree):
    journal = MemoryJournal(tree=deep_tree)
    server = provider(play({"run": ["touch begun; python3 -c 'import time; time.sleep(3)'"]}, {"run": ["true"]}, {"output": REPORT}))
    running = asyncio.ensure_future(claude(server, journal))
    while not (deep_tree / "begun").exists():
        await asyncio.sleep(0.01)

    journal.say('Use "blue", please \N{BLUE HEART}\nand nothing else.')
    outcome = await running

    assert outcome.ended_by == "done", outcome
    assert [turn.heard for turn in await journal.turns()] == [(), (1,), ()]
    assert str(server.bodies[-1]).count("and nothing else.") == 1


async def test_a_provider_that_fails_for_good_is_not_the_agents_failure(claude, provider):
    outcome = await claude(provider(SCRIPT, faults=[{"kind": "401", "times": 100}]))

    assert (outcome.ended_by, outcome.error_kind, outcome.turns) == ("error", "provider", 0), outcome
    assert "ANTHROPIC_API_KEY" in outcome.error


async def test_a_result_that_its_type_refuses_is_sent_back_with_the_reason(claude, provider):
    finding = {"id": "F1", "severity": "blocker", "file": "a.txt", "what": "It is wrong.", "why": "It must be right."}
    wrong = {"verdict": "passed", "summary": "Fine.", "findings": [finding]}
    server = provider(play({"output": wrong}, {"output": {**wrong, "verdict": "findings"}}, workflow="review"))

    outcome = await claude(server, workflow="review", output=Review)

    assert outcome.ended_by == "done", outcome
    assert outcome.output["verdict"] == "findings"
    assert "cannot be accepted" in str(server.bodies[-1]["messages"])
