"""After a rollback and in a fork: an attempt is analysed once, and what a person did gives the tools back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from engine.time_machine.orders import Fork, GoBack
from epics.approvals import Choice
from epics.going_back import Level
from epics.steps import Step
from tests.integration.epics.plays import Played, play

pytestmark = pytest.mark.postgres

ONE_ATTEMPT = '[test]\ncommand = "true"\n[limits]\nattempts = 1\n'
WORKFLOW = 'description = "Writes."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60.0\n'
FILES = {
    ".genie/agents/implement/workflow.toml": WORKFLOW,
    ".genie/agents/implement/prompt.md": "Write {{ goal | fenced }}\n",
    ".genie/agents/implement/allowed_tools.json": '["read_file"]',
}


@dataclass(frozen=True)
class Failed:
    epic: Played
    failed_at: int
    """The moment at which implement had failed, and nobody had said why."""


@pytest.fixture
async def failed(begin, git) -> Failed:
    """An epic whose one attempt to implement failed, while its workflow got one more tool."""
    epic = await begin([play("implement", {"fail": "turns"})], toml=ONE_ATTEMPT, files=FILES)
    await epic.go()
    await epic.decide(Choice.APPROVE)
    (epic.repo / ".genie/agents/implement/allowed_tools.json").write_text(json.dumps(["read_file", "write_file"]))
    git(epic.repo, "commit", "--quiet", "--all", "--message", "Let them write")
    moments = await epic.engine.moments(epic.id)
    return Failed(epic, next(moment.n for moment in moments if moment.step == Step.IMPLEMENT))


async def test_an_attempt_that_is_analysed_again_after_a_rollback_has_one_analysis(failed):
    epic = failed.epic
    before = await _analyses(epic)

    await epic.engine.roll_back(epic.id, GoBack(by="ann", to=failed.failed_at, level=Level.FULL), dry_run=False)
    await epic.engine.resume(epic.id, by="ann")
    again = await epic.go()

    assert again.step is Step.FAILURE_GATE
    after = await _analyses(epic)
    assert [(row["attempt"], row["step"]) for row in before] == [(row["attempt"], row["step"]) for row in after] == [(3, "implement")]
    assert after[0]["moment"] > before[0]["moment"]


async def test_after_a_rollback_an_attempt_has_what_its_workflow_has_today(failed):
    epic = failed.epic

    await epic.engine.roll_back(epic.id, GoBack(by="ann", to=failed.failed_at - 1, level=Level.FULL), dry_run=False)
    await epic.engine.resume(epic.id, by="ann")
    await epic.go()

    assert [attempt.configuration["tools"] for attempt in await _implements(epic)] == [["read_file"], ["read_file", "write_file"]]


async def test_a_fork_has_what_its_workflow_has_today_and_is_told_of_a_failure_once(failed):
    source = failed.epic
    moments = await source.engine.moments(source.id)

    view = await source.engine.fork(source.id, Fork(at=moments[-1].n, by="ann"))
    fork = Played(engine=source.engine, id=view.id, repo=source.repo)
    await fork.engine.resume(fork.id, by="ann")
    await fork.go()
    await fork.decide(Choice.RETRY)

    carried, own = await _implements(fork)
    assert (carried.configuration["tools"], own.configuration["tools"]) == (["read_file"], ["read_file", "write_file"])
    assert (await fork.briefs("implement"))[-1].count("It was in haste.") == 1


async def _implements(epic: Played) -> list[Any]:
    return [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]


async def _analyses(epic: Played) -> list[dict[str, Any]]:
    return await epic.rows("SELECT moment, attempt, step FROM analyses WHERE epic_id = %s ORDER BY moment")
