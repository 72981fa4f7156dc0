"""From attempt to attempt: the input differs always, and tools are only taken away unless a person decides."""

from __future__ import annotations

import asyncio
import json

import pytest

from epics.approvals import Choice
from epics.steps import Step
from tests.integration.epics.plays import play

pytestmark = pytest.mark.postgres

LITTLE = ["read_file", "run_command"]
GROWN = [*LITTLE, "write_file"]
TOOLS = ".genie/agents/implement/allowed_tools.json"
FILES = {
    ".genie/agents/implement/workflow.toml": 'description = "Writes."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60.0\n',
    ".genie/agents/implement/prompt.md": "Write {{ goal | fenced }}\n",
    TOOLS: json.dumps(LITTLE),
}
TWO_ATTEMPTS = '[test]\ncommand = "true"\n[limits]\nattempts = 2\n'


async def implements(epic):
    return [each for each in await epic.engine.attempts(epic.id) if each.step is Step.IMPLEMENT]


async def test_each_attempt_differs_from_the_one_before_and_says_in_what(begin):
    epic = await begin([play("implement", {"fail": "turns"})], toml=TWO_ATTEMPTS)
    await epic.go()

    await epic.decide(Choice.APPROVE)
    await epic.decide(Choice.RETRY, comment="Do it at once.")

    first, second, third, fourth = await implements(epic)
    hashes = {each.configuration["brief_hash"] for each in (first, second, third, fourth) if each.configuration}
    assert len(hashes) == 4
    assert first.changed == ()
    assert {change.field for change in second.changed} == {"brief_hash", "answers", "continues"}
    (answers,) = [change for change in second.changed if change.field == "answers"]
    assert (answers.before, answers.after) == (None, {"point": f"implement, attempt {first.n}", "type": "turns_exhausted", "by": "model"})
    assert [(change.before, change.after) for change in third.changed if change.field == "guidance"] == [(0, 1)]
    started = await epic.rows("SELECT data FROM events WHERE epic_id = %s AND type = 'attempt_started' ORDER BY n")
    said = {row["data"]["attempt"]: row["data"].get("changed") for row in started}
    assert (said[first.n], said[second.n], said[third.n]) == (None, ["continues", "answers"], ["continues", "answers", "guidance"])


async def test_a_workflow_that_grew_gives_a_next_attempt_no_more_until_a_person_decides(begin, git):
    writes = {"write": {"greeting.txt": "hello\n"}}
    slow = play("implement", {"run": ["sleep 2"]}, writes, {"fail": "turns"}, when_brief_contains="This is attempt 3 ")
    epic = await begin([slow, play("implement", writes, {"fail": "turns"})], files=FILES, toml=TWO_ATTEMPTS)
    await epic.go()
    await epic.engine.decide(epic.id, _approved())
    asleep = asyncio.Event()

    def watch(event) -> None:
        if event.type == "turn_taken" and event.data["attempt"] == 3:
            asleep.set()

    running = asyncio.create_task(epic.engine.advance(epic.id, on_event=watch))
    async with asyncio.timeout(60):
        await asleep.wait()
    running.cancel()
    await asyncio.wait({running})
    (epic.repo / TOOLS).write_text(json.dumps(GROWN))
    git(epic.repo, "commit", "--quiet", "--all", "--message", "Let them write")

    asked = await epic.go()

    assert asked.step is Step.FAILURE_GATE
    cut, next_one = await implements(epic)
    assert "is not yours to use" in await _results(epic, cut.n)
    assert cut.configuration is not None
    assert next_one.configuration is not None
    assert (cut.configuration["tools"], next_one.configuration["tools"]) == (LITTLE, LITTLE)
    assert next_one.configuration["held_back"] == ["write_file"]
    assert next_one.configuration["workflow_hash"] != cut.configuration["workflow_hash"]
    assert "is not yours to use" in await _results(epic, next_one.n)

    await epic.decide(Choice.RETRY)

    widened = (await implements(epic))[2]
    assert widened.configuration is not None
    assert (widened.configuration["tools"], widened.configuration["held_back"]) == (GROWN, [])
    assert [change.after for change in widened.changed if change.field == "tools"] == [GROWN]
    assert "is not yours to use" not in await _results(epic, widened.n)


async def test_an_analysis_may_take_a_tool_away_and_a_person_gives_it_back(begin):
    takes = {"cause": "It ran in circles.", "prevention": "Write.", "without_tools": ["run_command", "sudo"]}
    runs = play("implement", {"run": ["echo x"]}, {"fail": "turns"})
    epic = await begin([runs, play("time_machine", {"output": takes})], toml=TWO_ATTEMPTS)
    await epic.go()
    await epic.decide(Choice.APPROVE)

    await epic.decide(Choice.RETRY)

    first, second, third, _ = await implements(epic)
    assert second.configuration is not None
    assert second.configuration["held_back"] == ["run_command"]
    assert "run_command" not in second.configuration["tools"]
    assert "is not yours to use" not in await _results(epic, first.n)
    assert "is not yours to use" in await _results(epic, second.n)
    assert third.configuration is not None
    assert third.configuration["held_back"] == []


def _approved():
    from epics.approvals import Decision

    return Decision(choice=Choice.APPROVE, by="ann", channel="test")


async def _results(epic, attempt: int) -> str:
    rows = await epic.rows(f"SELECT results FROM turns WHERE epic_id = %s AND attempt = {attempt} ORDER BY n")
    return str([row["results"] for row in rows])
