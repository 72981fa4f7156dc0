"""A workflow's MCP servers are real: their tools run, and one that is not there stops nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from executors.in_process import InProcessExecutor
from executors.scripts import Script
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels

PROGRAM = str(Path(__file__).resolve().parents[1] / "fakes" / "mcp_server.py")
SERVERS = {"small": {"command": sys.executable, "args": [PROGRAM]}}
ENVIRONMENT = {"PATH": os.defpath, "HOME": "/nonexistent"}


def played(*calls):
    turns = [{"calls": [{"tool": name, "arguments": given}]} for name, given in calls]
    return PlayedModels(Script.model_validate({"plays": [{"workflow": "implement", "turns": [*turns, {"output": {"summary": "done"}}]}]}))


async def test_a_tool_of_a_server_runs_in_the_work_tree_and_counts_as_a_change(tmp_path):
    journal = MemoryJournal()
    source = played(("mcp__small__leave_mark", {"text": "here"}))

    outcome = await InProcessExecutor(source).run(order(tmp_path, mcp_servers=SERVERS, environment=ENVIRONMENT), journal)

    assert outcome.ended_by == "done"
    assert (tmp_path / "mark.txt").read_text() == "here"
    assert "completed 1 changed" in journal.log


@pytest.mark.parametrize("tool, said", [("refuse", "Error executing tool refuse"), ("die", "the MCP server small failed: it ended with exit code 1")])
async def test_a_call_that_fails_is_told_to_the_model(tmp_path, tool, said):
    journal = MemoryJournal()

    outcome = await InProcessExecutor(played((f"mcp__small__{tool}", {}))).run(
        order(tmp_path, mcp_servers=SERVERS, environment=ENVIRONMENT), journal
    )

    assert outcome.ended_by == "done"
    assert said in str((await journal.turns())[0].results)
    assert [(data["tool"], data["ok"]) for kind, data in journal.notes if kind == "tool_called"] == [(f"mcp__small__{tool}", False)]


async def test_a_flood_from_a_server_is_cut(tmp_path):
    journal = MemoryJournal()

    await InProcessExecutor(played(("mcp__small__flood", {}))).run(order(tmp_path, mcp_servers=SERVERS, environment=ENVIRONMENT), journal)

    assert len(str((await journal.turns())[0].results)) < 40_000


async def test_only_the_listed_tools_of_a_server_are_offered(tmp_path):
    source = played(("mcp__small__leave_mark", {"text": "here"}))
    tools = ("read_file", "mcp__small__refuse")

    await InProcessExecutor(source).run(order(tmp_path, tools=tools, mcp_servers=SERVERS, environment=ENVIRONMENT), MemoryJournal())

    assert not (tmp_path / "mark.txt").exists()


@pytest.mark.parametrize("settings", [{"command": "/nonexistent/server"}, {"command": sys.executable, "args": ["-c", "pass"]}])
async def test_a_server_that_does_not_come_up_is_noted_and_the_run_goes_on(tmp_path, settings):
    journal = MemoryJournal()

    outcome = await InProcessExecutor(played()).run(order(tmp_path, mcp_servers={"gone": settings}, environment=ENVIRONMENT), journal)

    assert outcome.ended_by == "done"
    assert journal.notes[0][0] == "mcp_server_missing"
    assert journal.notes[0][1]["server"] == "gone"
