"""What was bought is not bought again: attempts that have ended are not run, turns that are recorded are fed back (rules 15 and 16)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from db.attempts import next_attempt_number, open_attempt
from db.journal import AttemptJournal, SavedTree
from tests.integration.durability.acting import Death, Mortal, Watched, on_executor, scripted
from tests.integration.durability.writing import ATTEMPT, TOKENS, TURN, break_once, broke

pytestmark = pytest.mark.postgres


async def test_an_attempt_that_ended_before_its_checkpoint_was_written_is_not_run_again(begin):
    epic = await begin(auto_approve=True)
    watched = Watched(scripted(epic.engine))
    await break_once(epic.engine._pool, "checkpoints", "NEW.checkpoint #>> '{channel_values,step}' = 'test'")

    view = await on_executor(epic.engine, watched).advance(epic.id)

    assert await broke(epic.engine._pool, "checkpoints")
    assert view.status == "merged"
    assert watched.runs == ["planning", "architect", "implement", "test", "review", "document", "pr"]
    assert [attempt.n for attempt in await epic.engine.attempts(epic.id)] == [1, 2, 3, 4, 5, 6, 7]


async def test_an_attempt_that_dies_at_every_place_buys_each_answer_once_and_ends_as_if_it_had_not(begin, story, tmp_path):
    log = tmp_path / "effects.log"
    turns = [
        {"write": {"greeting.txt": "hello\n"}, "run": [f"echo one >> {log}; date +%s%N"]},
        {"run": [f"echo two >> {log}; date +%s%N; cat greeting.txt"]},
    ]
    epic = await begin(story(implement=turns), auto_approve=True)
    places = [Death(operation, turn, after) for turn in (1, 2, 3) for operation, after in _OPERATIONS]
    mortal = Mortal(scripted(epic.engine), "implement", list(places))
    engine = on_executor(epic.engine, mortal)

    views = [await engine.advance(epic.id)]
    while views[-1].status == "paused" and len(views) <= len(places):
        await engine.resume(epic.id, by="ann")
        views.append(await engine.advance(epic.id))

    assert mortal.deaths == []
    assert [view.status for view in views] == ["paused"] * len(places) + ["merged"]
    # Where results were lost, their tools ran again; where they were recorded, never.
    assert log.read_text().split() == ["one", "one", "two", "two"]
    (attempt,) = [each for each in await engine.attempts(epic.id) if each.workflow == "implement"]
    assert (attempt.turns, attempt.ended_by, attempt.files_changed) == (3, "done", ("greeting.txt",))
    recorded = await epic.rows("SELECT results, request FROM turns WHERE epic_id = %s AND attempt = 3 ORDER BY n")
    assert [turn["request"]["results"] for turn in recorded[1:]] == [turn["results"] for turn in recorded[:2]]
    assert "hello" in recorded[1]["results"][0]
    calls = await epic.rows("SELECT state, count(*) AS n FROM calls WHERE epic_id = %s AND attempt = 3 GROUP BY state ORDER BY state")
    assert calls == [{"state": "reserved", "n": 3}, {"state": "settled", "n": 3}]
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"
    assert not (epic.repo / "rubbish.txt").exists()


async def test_a_turn_that_is_recorded_stays_as_it_was(database, lease):
    await open_attempt(database.pool, lease, {**ATTEMPT, "n": await next_attempt_number(database.pool, lease)})
    journal = AttemptJournal(database.pool, lease, 1)
    await journal.answered(TURN, call_id=1, tokens=TOKENS, cost_usd=Decimal(1))
    await journal.completed(1, results=["first"], saved=SavedTree(commit="t1", head="h1"))
    recorded = await journal.turns()

    await journal.answered({**TURN, "answer": {"say": "second"}}, call_id=2, tokens=TOKENS, cost_usd=Decimal(1))
    await journal.completed(1, results=["second"], saved=SavedTree(commit="t2", head="h2"))

    assert await journal.turns() == recorded
    assert (recorded[0]["results"], recorded[0]["tree"]) == (["first"], "t1")


async def test_recovery_needs_no_work_tree_that_the_dead_process_left(begin, story):
    epic = await begin(story(implement=[{"write": {"greeting.txt": "hello\n"}}, {"run": ["cat greeting.txt"]}]), auto_approve=True)
    engine = on_executor(epic.engine, Mortal(scripted(epic.engine), "implement", [Death("completed", 1), Death("answered", 2)]))
    await engine.advance(epic.id)
    for tree in (epic.engine._installation.home).rglob("greeting.txt"):
        tree.unlink()

    await engine.resume(epic.id, by="ann")
    await engine.advance(epic.id)
    await engine.resume(epic.id, by="ann")
    view = await engine.advance(epic.id)

    assert view.status == "merged"
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"


_OPERATIONS = (("reserve", True), ("answered", True), ("completed", False), ("completed", True))
