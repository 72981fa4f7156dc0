"""Trouble with this machine is a failure that a person is asked about, and what an epic leaves on disk is nothing when it has ended."""

from __future__ import annotations

import asyncio

import pytest

from epics.approvals import Choice
from epics.steps import Step
from tests.integration.epics.plays import CHECK, play

pytestmark = pytest.mark.postgres


async def test_a_setup_command_that_fails_opens_the_failure_gate_and_a_retry_goes_on_when_it_is_mended(begin, tmp_path):
    ready = tmp_path / "ready"
    epic = await begin(toml=f'[test]\ncommand = "{CHECK}"\n[environment]\nsetup = "test -e {ready}"\n')

    stopped = await epic.go()
    ready.touch()
    at_plan = await epic.decide(Choice.RETRY)

    assert (stopped.step, stopped.status) == (Step.FAILURE_GATE, "waiting")
    assert stopped.failure is not None
    assert stopped.failure.type == "environment"
    assert f"test -e {ready}" in stopped.failure.evidence
    assert at_plan.step is Step.PLAN_GATE


async def test_tests_that_this_machine_cannot_run_open_the_failure_gate_at_the_test_step(begin):
    epic = await begin(
        toml="", files={"package.json": '{"scripts": {"test": "vitest"}, "dependencies": {"vitest": "1"}}'}, auto_approve=True
    )

    stopped = await epic.go()

    assert stopped.step is Step.FAILURE_GATE
    assert stopped.failure is not None
    assert (stopped.failure.type, stopped.failure.point.split(",")[0]) == ("environment", "test")


async def test_an_epic_that_has_ended_leaves_no_work_tree_even_where_a_crash_left_one(begin, tmp_path):
    epic = await begin(
        [play("implement", {"write": {"greeting.txt": "hello\n"}}, {"run": ["sleep 1"]}, {"run": ["true"]})], auto_approve=True
    )
    running = asyncio.create_task(epic.go())
    while not (tmp_path / "home" / "worktrees" / epic.id / f"{epic.id}-3" / "greeting.txt").exists():
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    (tmp_path / "home" / "worktrees" / epic.id / f"{epic.id}-3" / "half-done.txt").write_text("of the turn that was cut off\n")

    ended = await epic.go()

    assert ended.status == "merged"
    assert not list((tmp_path / "home" / "worktrees").glob("*/*"))


async def test_an_epic_that_ends_with_a_merge_commit_names_that_commit(begin, git):
    epic = await begin(toml=f'[test]\ncommand = "{CHECK}"\n[merge]\nmethod = "merge"\n', auto_approve=True)

    ended = await epic.go()

    assert ended.head == git(epic.repo, "rev-parse", "main")
    assert len(git(epic.repo, "rev-list", "--parents", "-1", "main").split()) == 3


async def test_settings_that_are_mended_on_the_base_branch_hold_from_the_next_run_on(begin, git):
    epic = await begin(toml=f'[test]\ncommand = "{CHECK}"\n[environment]\nsetup = "exit 3"\n')
    await epic.go()
    (epic.repo / "genie.toml").write_text(f'[test]\ncommand = "{CHECK}"\n')
    git(epic.repo, "commit", "-qam", "Mend the settings")

    at_plan = await epic.decide(Choice.RETRY)

    assert at_plan.step is Step.PLAN_GATE


async def test_a_base_branch_that_is_gone_stops_the_epic_before_more_is_spent(begin, git):
    epic = await begin()
    await epic.go()
    git(epic.repo, "checkout", "-q", "-b", "other")
    git(epic.repo, "branch", "-D", "main")

    stopped = await epic.decide(Choice.APPROVE)

    assert stopped.status == "paused"
    assert stopped.problem is not None
    assert "branch 'main'" in stopped.problem
    assert not [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]
