"""What an agent handed back is held against the form that its workflow asks for now, and the brief against the prompt of now."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field

from agents.registry import Registry
from engine.time_machine.recorded import RecordedAttempt, RecordedMoment
from engine.time_machine.replay_attempts import NotRecorded, ReplayedAttempts
from engine.time_machine.replay_ground import Configuration
from epics.policy import RepositoryPolicy
from epics.steps import Step
from epics.verdicts import ChangeReport
from nodes.context import Assignment

OUTPUT = {"summary": "Wrote it.", "addressed": []}
VARIABLES: dict[str, Any] = {
    "goal": "Greet", "repository": "a repository", "base_branch": "main", "plan": None, "design": None, "tests": None, "review": None,
    "findings": (), "failure": None, "lessons": (), "recalled": (), "guidance": (), "comments": (), "conflicts": (), "diff": "",
    "diff_stat": "", "allowed_paths": ("**",), "forbidden_paths": (), "pull_request": None, "log_tail": "",
}  # fmt: skip


class Tightened(ChangeReport):
    """As a release could have it that asks for more."""

    addressed: tuple[str, ...] = Field(min_length=1)


class Loosened(ChangeReport):
    """As a release could have it that drops what it is not asked for."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {**super().model_dump(**options), "summary": "?"}


COMMAND = "{% if test_command %}Run {{ test_command }}{% endif %}"
ASSIGNMENT = Assignment(task_id="t", step=Step.FIX, workflow="fix", at="a" * 40, base="a" * 40, variables=VARIABLES)


def replayed(output: type[ChangeReport], *, prompt: str | None = None, brief: str = "", attempt: int | None = 1) -> ReplayedAttempts:
    """The attempts of one moment, with `fix` as given."""
    registry = Registry.discover()
    fix = replace(
        registry.get("fix"), output=output, prompt=prompt or "Fix {{ goal }}\n{% if test_command %}Run {{ test_command }}{% endif %}"
    )
    configuration = Configuration(policy=RepositoryPolicy(), registry=Registry(workflows={"fix": fix}))
    row = RecordedAttempt(
        n=1, step="fix", workflow="fix", workflow_hash="", executor="scripted", model="", base_commit="a" * 40, continues=None,
        result={"n": 1, "ended_by": "done", "commit": "b" * 40, "tree": "c" * 40, "output": OUTPUT}, brief=brief, turns=(),
    )  # fmt: skip
    moment: Any = RecordedMoment(
        n=7, parent=6, back_to=None, step="fix", attempt=attempt, outcome="done", branch=None, commit="b" * 40, tree="c" * 40, note="",
        cost_usd="0", created_at=None, name=None, state=None,
    )  # fmt: skip
    ground: Any = SimpleNamespace(recorded=SimpleNamespace(attempts={1: row}))
    return ReplayedAttempts(ground, configuration, moment)


BRIEF = "Workflow: fix\n\nFix Greet\nRun make test && true\n\n## Before you begin\n\nThis is attempt 1 of this epic.\n"


async def test_a_form_that_asks_for_more_refuses_what_was_accepted():
    attempts = replayed(Tightened)

    await attempts.run(ASSIGNMENT)

    found = next(difference for difference in attempts.differences if difference.kind == "output")
    assert (found.moment, found.what, found.breaks) == (7, "what fix hands back", True)
    assert "addressed: Tuple should have at least 1 item" in found.now


async def test_a_form_that_keeps_less_is_named_with_the_field():
    attempts = replayed(Loosened)

    await attempts.run(ASSIGNMENT)

    found = next(difference for difference in attempts.differences if difference.kind == "output")
    assert (found.what, found.recorded, found.now) == ("summary of what fix hands back", "Wrote it.", "?")


async def test_the_test_command_is_taken_from_the_brief_that_was_sent():
    attempts = replayed(ChangeReport, brief=BRIEF)

    await attempts.run(ASSIGNMENT)

    assert attempts.differences == []


async def test_the_first_line_of_a_brief_that_differs_is_named():
    attempts = replayed(ChangeReport, brief=BRIEF, prompt="Mend {{ goal }}\n" + COMMAND)

    await attempts.run(ASSIGNMENT)

    (found,) = attempts.differences
    assert (found.kind, found.what, found.recorded, found.now) == ("brief", "line 3 of the brief of fix", "Fix Greet", "Mend Greet")


async def test_ids_of_objects_that_git_shortens_otherwise_are_no_difference():
    prompt = "{{ diff }}\n" + COMMAND
    brief = BRIEF.replace("Fix Greet", "index 01234567..89abcdef 100644")
    attempts = replayed(ChangeReport, brief=brief, prompt=prompt)

    await attempts.run(replace(ASSIGNMENT, variables={**VARIABLES, "diff": "index 0123456..89abcde 100644"}))

    assert attempts.differences == []


async def test_an_attempt_from_another_commit_is_named():
    attempts = replayed(ChangeReport, brief=BRIEF)

    await attempts.run(replace(ASSIGNMENT, at="d" * 40))

    assert [difference.what for difference in attempts.differences] == ["the commit that the work tree starts from"]


async def test_a_step_that_asks_for_an_attempt_where_none_was_made_is_told():
    with pytest.raises(NotRecorded, match="an attempt of fix is asked for, and none was made then"):
        await replayed(ChangeReport, attempt=None).run(ASSIGNMENT)
