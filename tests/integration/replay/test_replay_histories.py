"""Whatever an epic went through, its replay is as it was recorded: moments of every kind, and nothing is changed by it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from engine.time_machine.orders import Fork, GoBack
from epics.approvals import Decision
from epics.going_back import Level

pytestmark = pytest.mark.postgres

HELLO = {"write": {"greeting.txt": "hello\n"}}
SHORT = {"id": "F1", "severity": "major", "file": "greeting.txt", "what": "It is short.", "why": "People want more."}
UNTIDY = {**SHORT, "id": "F2", "what": "It is untidy.", "structural": True}


def findings(*found: dict[str, Any]) -> dict[str, Any]:
    return {"output": {"verdict": "findings", "summary": "Not yet.", "findings": list(found)}}


def when(workflow: str, text: str, *turns: dict[str, Any]) -> dict[str, Any]:
    """What a workflow does where its brief has a text."""
    return {"workflow": workflow, "when_brief_contains": text, "turns": list(turns)}


def clean(found: Any) -> None:
    assert found.first_difference is None, found.first_difference
    assert not [why for moment in found.moments for why in moment.unchecked]
    assert all({"state", "files"} <= set(moment.compared) for moment in found.moments)


async def test_changes_fixes_and_a_base_that_moved_twice(tell, story, git):
    said = {"output": {"summary": "Put it right."}}
    told = await tell(
        story(
            {"workflow": "review", "when_tree_lacks": {"greeting.txt": "world"}, "turns": [findings(SHORT)]},
            {"workflow": "review", "when_tree_lacks": {"greeting.txt": "dear"}, "turns": [findings(UNTIDY)]},
            when("fix", "Conflicts with the base branch", {"write": {"greeting.txt": "hello dear world, hey!\n"}}, said),
            when("fix", "Shout.", {"write": {"greeting.txt": "hello dear world!\n"}}, said),
            fix=[{"write": {"greeting.txt": "hello world\n"}}],
            refactor=[{"write": {"greeting.txt": "hello dear world\n"}}],
        )
    )
    await told.engine.advance(told.id)
    await told.decide("changes", comment="Call it hello.")
    await told.decide("approve", comment="And be brief.")
    await told.decide("changes", comment="Shout.")
    for name, text in (("other.txt", "theirs\n"), ("greeting.txt", "hey\n")):
        (told.repo / name).write_text(text)
        git(told.repo, "add", name)
        git(told.repo, "commit", "--quiet", "--message", f"Change {name}")
        await told.decide("approve")
    (told.repo / "README.md").write_text("Dirty.\n")
    await told.decide("approve")
    git(told.repo, "checkout", "--quiet", "README.md")
    assert (await told.decide("approve")).status == "merged"

    found = await told.replay()

    clean(found)
    steps = [moment.step for moment in found.moments]
    assert {"fix", "refactor", "plan_gate", "merge_gate", "merge"} < set(steps)
    assert [moment.led_to for moment in found.moments if moment.step == "merge"] == ["test", "fix", "merge_gate", "merged"]


async def test_a_question_that_was_over_and_asked_again_and_what_somebody_added_to_the_branch(tell, small_repo, git):
    from engine.approvals.sweeping import sweep_approvals

    (small_repo / "genie.toml").write_text('[test]\ncommand = "true"\n[approvals.plan_gate]\nexpires = "1h"\n')
    git(small_repo, "commit", "--quiet", "--all", "--message", "Ask for an hour")
    told = await tell()
    await told.engine.advance(told.id)
    async with told.engine._pool.connection() as connection:
        await connection.execute("UPDATE approvals SET expires_at = now() - interval '1 second'")
    await sweep_approvals(told.engine._pool)
    await told.engine.resume(told.id)
    await told.engine.advance(told.id)
    branch = str((await told.decide("approve")).branch)
    elsewhere = told.repo.with_name("elsewhere")
    git(told.repo, "worktree", "add", "--quiet", str(elsewhere), branch)
    (elsewhere / "theirs.txt").write_text("mine\n")
    git(elsewhere, "add", "theirs.txt")
    git(elsewhere, "commit", "--quiet", "--message", "Add mine")
    git(told.repo, "worktree", "remove", str(elsewhere))
    assert (await told.decide("approve")).step == "merge_gate"
    assert (await told.decide("approve")).status == "merged"

    found = await told.replay()

    clean(found)
    assert [moment.outcome for moment in found.moments if moment.step == "plan_gate"] == ["failed", "decided"]
    assert [moment.led_to for moment in found.moments if moment.step == "merge"] == ["test", "merged"]


async def test_failures_and_a_person_who_goes_back_at_the_gate(tell, story):
    told = await tell(
        story(
            when("implement", "Once more with feeling.", HELLO, {"output": {"summary": "Wrote it."}}),
            when("implement", "Take your time.", {"run": ["echo out of bounds >> README.md"]}, {"output": {"summary": "Wrote it."}}),
            implement=[HELLO, {"fail": "turns"}],
        ),
        autonomy="ask",
    )
    await told.engine.advance(told.id)
    await told.decide("approve")
    await told.decide("retry", comment="Take your time.")
    await told.decide("rollback", to=2, comment="Once more with feeling.")
    view = await told.to_the_end()
    assert view.status == "merged"

    found = await told.replay()

    clean(found)
    assert [moment.back_to for moment in found.moments if moment.back_to is not None] == [2]
    assert {"turns_exhausted", "scope_creep"} <= {moment.note.partition(":")[0] for moment in found.moments}


async def test_a_budget_that_was_raised_and_an_epic_that_was_cancelled(tell, story):
    told = await tell(story(implement=[HELLO]), budget_usd=Decimal("0.03"))
    await told.engine.advance(told.id)
    assert (await told.decide("approve")).step == "budget_gate"
    await told.decide("raise", amount_usd="1")
    assert (await told.engine.cancel(told.id, by="ann", reason="Enough.")).status == "cancelled"

    found = await told.replay()

    clean(found)
    assert [moment.outcome for moment in found.moments][-1] == "cancelled"
    assert "budget" in {moment.outcome for moment in found.moments}


async def test_rollbacks_an_undo_a_revert_and_a_fork(tell):
    told = await tell()
    await told.engine.advance(told.id)
    await told.decide("approve")
    for asked in (
        GoBack(by="ann", level=Level.FULL, to=4, guidance="Again."),
        GoBack(by="ann", undo=True),
        GoBack(by="ann", level=Level.STATE, to=2),
        GoBack(by="ann", level=Level.SNAPSHOT, to=4),
        GoBack(by="ann", level=Level.STEP),
    ):
        await told.engine.roll_back(told.id, asked)
    await told.engine.resume(told.id, by="ann")
    assert (await told.to_the_end()).status == "merged"
    await told.engine.roll_back(told.id, GoBack(by="ann", level=Level.FULL, to=2))
    await told.engine.resume(told.id, by="ann")
    await told.engine.advance(told.id)
    assert (await told.decide("approve")).status == "merged"
    fork = await told.engine.fork(told.id, Fork(at=5, by="ann", guidance="Another way.", autonomy="ask"))

    found = await told.replay()
    of_fork = await told.engine.replaying.replay(fork.id, verify=True)

    assert found.first_difference is None, found.first_difference
    assert of_fork.first_difference is None, of_fork.first_difference
    assert [moment.outcome for moment in of_fork.moments][-1] == "forked"
    assert [moment.outcome for moment in found.moments].count("rolled_back") == 6
    # What a revert proposes was made from the base branch of that day.
    assert {why for moment in found.moments for why in moment.unchecked} == {"the commit that takes back what was merged: it was made then"}


async def test_an_attempt_without_a_moment_is_named(tell, story):
    told = await tell(story(implement=[{"run": ["sleep 60"]}]))
    await told.engine.advance(told.id)
    await told.engine.decide(told.id, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))
    running = asyncio.create_task(told.engine.advance(told.id))
    async with asyncio.timeout(60):
        while not await _begun(told, attempt=3):
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait({running})
    await told.engine.cancel(told.id, by="ann")

    found = await told.replay()

    clean(found)
    assert found.without_moment == ("attempt 3 (implement, 1 turn): it was cut off, and the epic went another way",)


async def _begun(told: Any, *, attempt: int) -> bool:
    events = await told.engine.events(told.id)
    return any(event.type == "turn_taken" and event.data["attempt"] == attempt for event in events)


async def test_forks_and_an_undo_that_lead_to_an_approved_merge(tell):
    told = await tell()
    assert (await told.to_the_end()).status == "merged"
    approved = next(moment.n for moment in await told.engine.moments(told.id) if moment.step == "merge_gate")
    of_approved = await told.engine.fork(told.id, Fork(at=approved, by="ann"))
    proposed = (await told.engine.roll_back(told.id, GoBack(by="ann", to=2))).moment
    of_proposed = await told.engine.fork(told.id, Fork(at=proposed, by="ann"))

    for fork in (of_approved, of_proposed):
        found = await told.engine.replaying.replay(fork.id, verify=True)
        assert found.first_difference is None, found.first_difference
