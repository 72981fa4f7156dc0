"""Gates and the merge on the real engine and real repositories."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from epics.approvals import Choice
from epics.steps import Step
from tests.integration.epics.plays import GOOD, Played, play

pytestmark = pytest.mark.postgres

LONG_S = 60


def checkout(repo: Path) -> dict[str, str]:
    """Every file of the user's checkout, its index and where its branches are, byte for byte."""
    kept = [path for path in repo.rglob("*") if path.is_file() and ".git" not in path.relative_to(repo).parts]
    kept += [repo / ".git" / name for name in ("index", "HEAD", "config", "refs/heads/main", "logs/HEAD")]
    return {str(path.relative_to(repo)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept if path.exists()}


def commit(git, repo: Path, path: str, text: str) -> str:
    """A commit of the user's own."""
    (repo / path).write_text(text, encoding="utf-8")
    git(repo, "add", path)
    git(repo, "commit", "--quiet", "--message", f"Change {path}")
    return git(repo, "rev-parse", "HEAD")


async def ready(begin, *given, **more) -> Played:
    """An epic at its merge gate."""
    epic = await begin(*given, **more)
    await epic.go()
    assert (await epic.decide(Choice.APPROVE)).step is Step.MERGE_GATE
    return epic


async def test_the_users_checkout_is_not_touched_before_the_merge_and_holds_the_work_after_it(begin, git):
    epic = await begin()
    before = checkout(epic.repo)
    await epic.go()
    await epic.decide(Choice.APPROVE)
    assert checkout(epic.repo) == before

    merged = await epic.decide(Choice.APPROVE)

    assert merged.status == "merged"
    assert git(epic.repo, "rev-parse", "main") == merged.head
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"
    assert git(epic.repo, "status", "--porcelain") == ""


async def test_the_branch_of_the_pull_request_is_visible_in_the_users_repository(begin, git):
    epic = await ready(begin)
    view = await epic.engine.epic(epic.id)

    assert git(epic.repo, "rev-parse", str(view.branch)) == view.head


async def test_workflows_that_only_read_leave_no_branch(begin):
    epic = await ready(begin)

    branches = {attempt.step: attempt.branch for attempt in await epic.engine.attempts(epic.id)}

    assert {step for step, branch in branches.items() if branch is None} == {Step.PLANNING, Step.REVIEW, Step.PR}
    assert branches[Step.TEST] == f"genie/{epic.id}/test/attempt_4"


async def test_changes_to_the_plan_go_back_to_the_architect_with_the_comment(begin):
    epic = await begin()
    await epic.go()
    first = await epic.engine.approval(epic.id)

    again = await epic.decide(Choice.CHANGES, comment="Use *one* line.\n  And no more.")

    assert again.step is Step.PLAN_GATE
    assert (await epic.engine.approval(epic.id)).id != first.id
    assert "Use *one* line.\n  And no more." in (await epic.briefs("architect"))[1]
    assert (await epic.decide(Choice.APPROVE)).step is Step.MERGE_GATE


@pytest.mark.parametrize("gate", [Step.PLAN_GATE, Step.MERGE_GATE])
async def test_a_rejected_epic_is_over_and_nothing_was_merged(begin, git, gate):
    epic = await begin()
    base = git(epic.repo, "rev-parse", "main")
    await epic.go()
    if gate is Step.MERGE_GATE:
        await epic.decide(Choice.APPROVE)

    ended = await epic.decide(Choice.REJECT)

    assert (ended.status, ended.waiting_on) == ("rejected", None)
    assert git(epic.repo, "rev-parse", "main") == base


async def test_changes_at_the_merge_gate_are_fixed_and_asked_about_again(begin, git):
    epic = await ready(begin, [play("fix", {"write": {"greeting.txt": "hello!\n"}}, when_brief_contains="Shout.")])
    first = await epic.engine.approval(epic.id)

    again = await epic.decide(Choice.CHANGES, comment="Shout.")

    assert again.step is Step.MERGE_GATE
    asked = await epic.engine.approval(epic.id)
    assert (asked.id, asked.content_hash) != (first.id, first.content_hash)
    assert "Shout." in (await epic.briefs("review"))[1]
    assert "Shout." not in (await epic.engine.gate_content(epic.id)).diff
    merged = await epic.decide(Choice.APPROVE)
    assert git(epic.repo, "show", "main:greeting.txt") == "hello!"
    assert merged.status == "merged"


async def test_a_base_that_moved_is_brought_in_tested_and_asked_about_again(begin, git):
    epic = await ready(begin)
    tests_before = len(await epic.briefs("test"))
    theirs = commit(git, epic.repo, "other.txt", "theirs\n")

    again = await epic.decide(Choice.APPROVE)

    assert again.step is Step.MERGE_GATE
    assert len(await epic.briefs("test")) == tests_before + 1
    brought = [moment for moment in await epic.engine.moments(epic.id) if moment.step is Step.MERGE][-1]
    assert brought.branch is not None
    assert brought.note == f"main had moved to {theirs[:12]} and was brought in"
    merged = await epic.decide(Choice.APPROVE)
    assert merged.status == "merged"
    assert (epic.repo / "other.txt").read_text() == "theirs\n"
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"
    assert git(epic.repo, "merge-base", "--is-ancestor", theirs, "main") == ""


def added_to(git, repo, branch, name, text):
    """Add a commit to a branch that is checked out nowhere, as somebody does who pushes to it."""
    elsewhere = repo.with_name(f"{repo.name}-elsewhere")
    git(repo, "worktree", "add", "--quiet", str(elsewhere), branch)
    made = commit(git, elsewhere, name, text)
    git(repo, "worktree", "remove", str(elsewhere))
    return made


async def test_what_somebody_added_to_the_branch_is_tested_and_asked_about_before_it_is_merged(begin, git):
    epic = await ready(begin)
    first, tests_before = await epic.engine.approval(epic.id), len(await epic.briefs("test"))
    branch = str((await epic.engine.epic(epic.id)).branch)
    theirs = added_to(git, epic.repo, branch, "theirs.txt", "mine\n")

    again = await epic.decide(Choice.APPROVE)

    second = await epic.engine.approval(epic.id)
    assert (again.step, again.status, second.id != first.id) == (Step.MERGE_GATE, "waiting", True)
    assert second.content_hash != first.content_hash
    assert len(await epic.briefs("test")) == tests_before + 1
    assert "theirs.txt" in (await epic.engine.gate_content(epic.id)).diff
    assert not (epic.repo / "theirs.txt").exists()
    merged = await epic.decide(Choice.APPROVE)
    assert merged.status == "merged"
    assert git(epic.repo, "merge-base", "--is-ancestor", theirs, "main") == ""
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"


async def test_a_branch_that_lost_the_approved_work_is_said_at_the_gate(begin, git):
    epic = await ready(begin)
    branch = str((await epic.engine.epic(epic.id)).branch)
    head = git(epic.repo, "rev-parse", branch)
    git(epic.repo, "update-ref", f"refs/heads/{branch}", commit(git, epic.repo, "other.txt", "theirs\n"))

    refused = await epic.decide(Choice.APPROVE)

    assert refused.step is Step.MERGE_GATE
    assert "does not hold" in (await epic.engine.approval(epic.id)).summary
    git(epic.repo, "update-ref", f"refs/heads/{branch}", head)
    assert (await epic.decide(Choice.APPROVE)).step is Step.MERGE_GATE
    assert (await epic.decide(Choice.APPROVE)).status == "merged"


async def test_a_conflict_with_the_base_is_fixed_and_merged(begin, git):
    both = play("fix", {"write": {"greeting.txt": "hello and hey\n"}}, when_brief_contains="Conflicts with the base branch")
    epic = await ready(begin, [both])
    commit(git, epic.repo, "greeting.txt", "hey\n")

    again = await epic.decide(Choice.APPROVE)

    assert again.step is Step.MERGE_GATE
    assert (await epic.decide(Choice.APPROVE)).status == "merged"
    assert (epic.repo / "greeting.txt").read_text() == "hello and hey\n"


async def test_a_conflict_that_is_not_cleared_is_a_failed_integration(begin, git):
    epic = await ready(begin, autonomy="ask")
    commit(git, epic.repo, "greeting.txt", "hey\n")

    asked = await epic.decide(Choice.APPROVE)

    assert asked.step is Step.FAILURE_GATE
    assert asked.failure is not None
    assert (asked.failure.type, asked.failure.evidence) == ("integration", "conflict markers are left in greeting.txt")


async def test_a_dirty_checkout_is_said_at_the_gate_and_merged_when_it_is_clean(begin, git):
    epic = await ready(begin)
    (epic.repo / "README.md").write_text("mine, not committed\n", encoding="utf-8")
    before = checkout(epic.repo)

    refused = await epic.decide(Choice.APPROVE)

    assert refused.step is Step.MERGE_GATE
    assert checkout(epic.repo) == before
    summary = (await epic.engine.approval(epic.id)).summary
    assert summary.startswith("The merge was not made: ")
    assert "README.md" in summary
    git(epic.repo, "checkout", "--quiet", "--", "README.md")
    assert (await epic.decide(Choice.APPROVE)).status == "merged"


async def test_yes_does_not_approve_for_ever_what_cannot_be_merged(begin, git):
    epic = await begin(auto_approve=True)
    (epic.repo / "README.md").write_text("mine, not committed\n", encoding="utf-8")

    waiting = await asyncio.wait_for(epic.go(), LONG_S)

    assert (waiting.step, waiting.status) == (Step.MERGE_GATE, "waiting")
    assert (await epic.engine.approval(epic.id)).summary.startswith("The merge was not made: ")
    git(epic.repo, "checkout", "--quiet", "--", "README.md")
    assert (await epic.go()).status == "merged"


async def test_paths_that_a_workflow_marks_are_told_at_the_merge_gate(begin):
    files = {
        ".genie/agents/document/workflow.toml": 'description = "Tells."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60.0\n'
        '[boundaries]\nallowed = ["**/*.md"]\nneeds_approval = ["greeting.*"]\n',
        ".genie/agents/document/prompt.md": "Tell {{ goal | fenced }}\n",
        ".genie/agents/document/allowed_tools.json": '["write_file"]\n',
    }

    epic = await ready(begin, files=files)

    summary = (await epic.engine.approval(epic.id)).summary
    assert summary.startswith("Look at these with care, a workflow marks them as needing approval: greeting.txt.\n")


@pytest.mark.parametrize("name", ["AGENTS.md", "CLAUDE.md"])
async def test_work_on_what_agents_read_is_kept_through_the_steps_that_must_not_read_it(begin, git, name):
    wide = {**GOOD["planning"], "allowed_paths": ["**"]}
    writes = {"greeting.txt": "hello\n", name: "Be brief.\n"}
    epic = await ready(begin, [play("planning", {"output": wide}), play("implement", {"write": writes})], files={name: "Be kind.\n"})

    merged = await epic.decide(Choice.APPROVE)

    assert merged.status == "merged"
    assert git(epic.repo, "show", f"main:{name}") == "Be brief."


async def test_a_design_that_was_sent_back_leaves_one_record_not_two(begin, git):
    again = {**GOOD["architect"], "title": "Another file"}
    epic = await begin([play("architect", {"output": again}, when_brief_contains="Use another file.")])
    await epic.go()

    at_gate = await epic.decide(Choice.CHANGES, comment="Use another file.")

    assert git(epic.repo.parent / "home" / "repos" / mirror_name(epic), "ls-tree", "-r", "--name-only", str(at_gate.head)).split() == [
        "README.md",
        "docs/decisions/0001-another-file.md",
        "genie.toml",
    ]


def mirror_name(epic) -> str:
    return next((epic.repo.parent / "home" / "repos").glob("*.git")).name
