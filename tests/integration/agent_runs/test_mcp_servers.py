"""The MCP servers of an agent written in Python: begun for each of its questions, given stored secrets, and ended with it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.mcp_playing import left_alive
from tests.integration.agent_runs.conftest import Asked, plays

pytestmark = pytest.mark.postgres

PLAYING = str(Path(__file__).resolve().parents[2] / "fakes" / "mcp_playing.py")
TOKEN = "told-to-the-server-alone"
ASKS = "    async def run(self, run):\n        return await run.ask()\n"
NOTED = {"calls": [{"tool": "mcp__it__note", "arguments": {"text": "x"}}]}
SAID = {"say": "Noted.", "ends": True}


@pytest.fixture
async def asked(engine_at, agents_dir, write_agent, tmp_path):
    """Return a function that queues a run of an agent with a server, on no repository or on one."""
    from engine.engine import Engine
    from engine.runs.orders import StartRun
    from executors.in_process import InProcessExecutor
    from executors.scripts import Script
    from safety.master_keys import new_master_key
    from tests.fakes.played_model import PlayedModels

    server = tmp_path / "server"
    server.mkdir()
    executor = InProcessExecutor(PlayedModels(Script.model_validate(plays(NOTED, SAID))))
    opened = await engine_at(plays(SAID), agents_dir=agents_dir, secret_key=new_master_key())
    engine = Engine(replace(opened._installation, executors={"in_process": executor}))

    async def start(repo=None, tools="()", **settings):
        entry = {"command": sys.executable, "args": [PLAYING, "drifting", str(server)], **settings}
        folder = agents_dir / "poet"
        folder.mkdir()
        (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"it": entry}}))
        write_agent("poet", ASKS, tools=tools)
        order = StartRun(repo=repo or "", workflow="poet", executor="in_process", model="scripted:demo", task="Workflow: poet")
        return server, Asked(engine=engine, id=(await engine.runs.start(order)).id)

    return start


@pytest.mark.parametrize("has_repo", [False, True], ids=["on no repository", "on a repository"])
async def test_an_agent_calls_its_servers_and_none_is_left(asked, small_repo, has_repo):
    server, run = await asked(str(small_repo) if has_repo else None, env={"TOKEN": "${secret:mcp_token}"})
    await run.engine.secrets.set("mcp_token", TOKEN)

    view = await run.end()

    events = {event.type: event.data for event in await run.engine.runs.events(run.id)}
    assert (view.status, view.error, view.output) == ("done", "", {"text": "Noted."})
    assert (events["mcp_pinned"]["tools"], events["mcp_server_started"]["tools"], events["tool_called"]["ok"]) == (1, 1, True)
    rows = await run.rows("SELECT t::text FROM turns t UNION ALL SELECT e::text FROM events e UNION ALL SELECT m::text FROM messages m")
    assert any("the token is [secret]" in row["t"] for row in rows)
    assert not [row for row in rows if TOKEN in row["t"]]
    assert left_alive(str(server)) == []


async def test_an_agent_whose_required_server_is_missing_fails_and_says_so(asked):
    _, run = await asked(command="/nonexistent/server", required=True)

    view = await run.end()

    assert view.status == "failed"
    assert "the MCP server it, which the workflow requires, cannot be used" in view.error


async def test_an_agent_calls_no_tool_of_its_servers_that_it_does_not_list(asked):
    _, run = await asked(tools='("mcp__it__notes",)')

    view = await run.end()

    events = {event.type: event.data for event in await run.engine.runs.events(run.id)}
    assert view.status == "done", view.error
    assert events["mcp_server_started"]["tools"] == 0
    assert "tool_called" not in events
