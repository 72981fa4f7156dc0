"""What an agent's tools did before a crash is not done twice after it, and what they reach is the epic's own."""

from __future__ import annotations

import json

import pytest

from tests.integration.durability.acting import Death, Mortal, on_executor, scripted

pytestmark = pytest.mark.postgres

WORKFLOW = 'description = "Writes."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60\n'
NAMES = [
    *("write_file", "git_log", "git_diff", "tell_people", "list_tasks", "add_task", "complete_task"),
    *("search_knowledge", "remember", "fetch_url"),
]


def calls(**given):
    return {"calls": [{"tool": name, "arguments": arguments} for name, arguments in given.items()]}


def _let(repo, git):
    """Give the repository an implementing workflow with tools of every category."""
    folder = repo / ".genie" / "agents" / "implement"
    folder.mkdir(parents=True)
    (folder / "workflow.toml").write_text(WORKFLOW)
    (folder / "prompt.md").write_text("Do {{ goal | fenced }}\n")
    (folder / "allowed_tools.json").write_text(json.dumps(NAMES))
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "An implementing workflow of our own")


async def _results(engine, epic, turn):
    (attempt,) = [each for each in await engine.attempts(epic) if each.workflow == "implement"]
    async with engine._installation.database.pool.connection() as connection:
        query = b"SELECT results FROM turns WHERE epic_id = %s AND attempt = %s AND n = %s"
        row = await (await connection.execute(query, (epic, attempt.n, turn))).fetchone()
    return row["results"]


async def _count(engine, query, epic):
    async with engine._installation.database.pool.connection() as connection:
        row = await (await connection.execute(query, (epic,))).fetchone()
    return row["n"]


async def test_each_tool_reaches_its_own_and_a_crash_repeats_nothing(begin, story, small_repo, git):
    _let(small_repo, git)
    told = calls(tell_people={"text": "The key sk-ant-api03-" + "a" * 40 + " is missing."}, add_task={"text": "Say goodbye"})
    told["calls"].append({"tool": "remember", "arguments": {"text": "Greetings stand in greeting.txt"}})
    looked = calls(
        git_log={}, git_diff={}, list_tasks={}, fetch_url={"url": "https://example.org/"}, complete_task={"task": 1, "note": "left out"}
    )
    epic = await begin(story(implement=[{"write": {"greeting.txt": "hello\n"}}, told, looked]), auto_approve=True)
    mortal = on_executor(epic.engine, Mortal(scripted(epic.engine), "implement", [Death("completed", 2, after=False)]))
    await mortal.advance(epic.id)
    await epic.engine.resume(epic.id, by="ann")

    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    events = await epic.engine.events(epic.id)
    (said,) = [event for event in events if event.type == "people_told"]
    assert said.data["text"].startswith("The key ")
    assert "sk-ant" not in json.dumps([event.data for event in events])
    assert [event.type for event in events if event.type.startswith("task_")] == ["task_added", "task_ended"]
    made = [(each.data["tool"], bool(each.data.get("again"))) for each in events if each.type == "tool_called" and each.data["turn"] == 2]
    told_once = ["tell_people", "add_task", "remember"]
    assert sorted(made) == sorted([(name, again) for name in told_once for again in (False, True)])
    assert await _count(epic.engine, b"SELECT count(*) AS n FROM agent_tasks WHERE epic_id = %s", epic.id) == 1
    assert await _count(epic.engine, b"SELECT count(*) AS n FROM episodes WHERE starts_with(key, %s)", epic.id) == 1
    log, diff, tasks, page, ended = await _results(epic.engine, epic.id, 3)
    assert log.splitlines()[-2].endswith("An implementing workflow of our own")
    assert "greeting.txt" in diff
    assert tasks == "1. [ ] Say goodbye"
    assert page == 'this workflow may reach nothing outside ([network] mode = "none"): go on without the web'
    assert ended == "1. [x] Say goodbye (left out)"
