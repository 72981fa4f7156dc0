"""The MCP servers of a run: begun beside its work tree, given stored secrets, held to their pins, and ended with it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.mcp_playing import left_alive
from tests.integration.runs.conftest import Ran

pytestmark = pytest.mark.postgres

PLAYING = str(Path(__file__).resolve().parents[2] / "fakes" / "mcp_playing.py")
TOKEN = "told-to-the-server-alone"
CALL = {"calls": [{"tool": "mcp__it__note", "arguments": {"text": "x"}}]}
SCRIPT = {"plays": [{"workflow": "audit", "turns": [CALL, {"output": {"summary": "done"}}]}]}


@pytest.fixture
def server(tmp_path):
    """The folder of a server that does what files in it say."""
    folder = tmp_path / "server"
    folder.mkdir()
    return folder


@pytest.fixture
async def audit(engine_at, story, small_repo, git, server):
    """Return a function that queues a run with the server, given what `.mcp.json` and the setup of `genie.toml` say more."""
    from engine.engine import Engine
    from engine.runs.orders import StartRun
    from executors.in_process import InProcessExecutor
    from executors.scripts import Script
    from safety.master_keys import new_master_key
    from tests.fakes.played_model import PlayedModels

    # What other repositories are given is not for this one.
    secrets = {"secret_key": new_master_key(), "mcp_secrets_for": f"mcp_token={small_repo},mcp_*=https://example.org/**"}
    executor = InProcessExecutor(PlayedModels(Script.model_validate(SCRIPT)))
    engine = Engine(replace((await engine_at(story(), **secrets))._installation, executors={"in_process": executor}))

    async def queue(setup="true", **settings):
        entry = {"command": sys.executable, "args": [PLAYING, "drifting", str(server)], **settings}
        write_workflow(small_repo, {"it": entry}, setup)
        git(small_repo, "add", "--all")
        git(small_repo, "commit", "--quiet", "--allow-empty", "--message", "What the servers are")
        view = await engine.runs.start(StartRun(repo=str(small_repo), workflow="audit", executor="in_process", model="scripted:demo"))
        return Ran(engine=engine, id=view.id, repo=small_repo)

    return queue


def write_workflow(repo, servers, setup):
    folder = repo / ".genie" / "agents" / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompt.md").write_text("Look.")
    (folder / "allowed_tools.json").write_text('["mcp__it__*"]')
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    limits = "[limits]\nturns = 5\nseconds = 60\n[boundaries]\nallowed = []\n"
    (folder / "workflow.toml").write_text(f'description = "Audits"\noutput = "change_report"\n{limits}')
    (repo / "genie.toml").write_text(f'[environment]\nsetup = "{setup}"\n[test]\ncommand = "true"\n')


async def events_of(run):
    return {event.type: event.data for event in await run.engine.runs.events(run.id)}


async def test_a_server_begins_while_the_tree_is_made_and_its_secret_is_nowhere_else(audit, server):
    first = await audit(f"while [ ! -e {server}/started ]; do sleep 0.05; done", env={"TOKEN": "${secret:mcp_token}"})
    await first.engine.secrets.set("mcp_token", TOKEN)

    view = await first.end()

    events = await events_of(first)
    assert view.status == "done", view.error
    assert events["mcp_pinned"]["tools"] == 1
    assert (events["mcp_server_started"]["tools"], events["tool_called"]["ok"]) == (1, True)
    async with first.engine._pool.connection() as connection:
        rows = await (await connection.execute(b"SELECT t::text FROM turns t UNION ALL SELECT e::text FROM events e")).fetchall()
    assert any("the token is [secret]" in row["t"] for row in rows)
    assert not [row for row in rows if TOKEN in row["t"]]
    assert left_alive(str(server)) == []


async def test_a_repository_is_given_no_secret_that_the_installation_does_not_let_it_have(audit, server):
    run = await audit(env={"TOKEN": "${secret:mcp_other}"}, required=True)
    await run.engine.secrets.set("mcp_other", TOKEN)

    view = await run.end()

    assert view.status == "failed"
    assert "the secret mcp_other is not given to workflows of this repository" in view.error
    assert not (server / "started").exists()


async def test_a_server_that_has_changed_is_not_used_before_a_person_has_looked(audit, server):
    first = await audit()
    await first.end()
    (server / "changed").touch()

    second = await audit()
    view = await second.end()

    events = await events_of(second)
    assert view.status == "done", view.error
    assert (events["mcp_tools_changed"]["changed"], events["mcp_tools_changed"]["used"]) == (["note"], False)
    assert "mcp_server_started" not in events


async def test_a_required_server_that_has_changed_ends_the_run_until_it_is_pinned_anew(audit, server, tmp_path, small_repo):
    from engine.mcp.for_faces import NamedServer

    await (await audit(required=True)).end()
    (server / "changed").touch()

    blocked = await audit(required=True)
    view = await blocked.end()
    entry = json.loads((small_repo / ".genie/agents/audit/.mcp.json").read_text())["mcpServers"]["it"]
    pins = await blocked.engine.mcp_servers.pin([NamedServer(workflow="audit", name="it", entry=entry)], str(small_repo), tmp_path)
    again = await (await audit(required=True)).end()

    assert view.status == "failed"
    assert "the MCP server it, which the workflow requires, cannot be used: its tools are not those that were pinned" in view.error
    assert [pin.tool for pin in pins] == ["note"]
    assert again.status == "done"


async def test_a_tool_that_is_new_is_not_offered_and_with_warn_it_is(audit, server):
    await (await audit()).end()
    (server / "grown").touch()

    blocked, warned = await audit(), None
    await blocked.end()
    warned = await audit(on_change="warn")
    await warned.end()

    assert [(await events_of(run))["mcp_server_started"]["tools"] for run in (blocked, warned)] == [1, 2]
    assert (await events_of(warned))["mcp_tools_changed"]["added"] == ["later"]


async def test_a_server_ends_where_the_tree_cannot_be_made_ready(audit, server):
    run = await audit(f"while [ ! -e {server}/started ]; do sleep 0.05; done; exit 7")

    view = await run.end()

    assert view.status == "failed"
    assert left_alive(str(server)) == []
