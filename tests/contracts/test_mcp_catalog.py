"""Ready-made entries work as they are written: with the stored secret, against a stand-in of the service that remembers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.loading import parse_servers
from agents.mcp_catalog import CATALOG
from executors.in_process import InProcessExecutor
from executors.mcp.opening import Servers
from executors.mcp.settings import Knowledge, secrets_named
from executors.scripts import Script
from tests.fakes.journal import MemoryJournal
from tests.fakes.mcp_playing import playing_over_http
from tests.fakes.mcp_services import GitHub, Linear, Slack
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels

REMOTE = [name for name, entry in CATALOG.items() if "url" in entry.server]


def calls(*made):
    turns = [{"calls": [{"tool": name, "arguments": given}]} for name, given in made]
    return Script.model_validate({"plays": [{"workflow": "implement", "turns": [*turns, {"output": {"summary": "done"}}]}]})


@pytest.mark.parametrize("name", CATALOG)
def test_an_entry_fits_the_schema_and_has_no_secret_in_it(name):
    entry = CATALOG[name]
    text = json.dumps({"mcpServers": {name: entry.server} if entry.server else {}})

    assert parse_servers(text, file=".mcp.json") == ({name: entry.server} if entry.server else {})
    assert all(secret in entry.needs for secret in secrets_named([entry.server]))


@pytest.mark.parametrize(
    "name, service, made, said",
    [
        (
            "slack",
            Slack,
            [("slack_send_message", {"channel": "C1", "text": "It is merged."}), ("slack_read_channel", {"channel": "C1"})],
            "It is merged.",
        ),
        (
            "linear",
            Linear,
            [("create_issue", {"title": "A lamp"}), ("update_issue", {"id": "GEN-1", "state": "Done"}), ("list_issues", {})],
            "GEN-1 A lamp: Done",
        ),
        (
            "github",
            GitHub,
            [
                ("create_pull_request", {"title": "A lamp", "head": "lamp"}),
                ("add_issue_comment", {"number": "1", "body": "Bright."}),
                ("pull_request_read", {"number": "1"}),
            ],
            "A lamp (lamp)\nBright.",
        ),
    ],
)
async def test_an_agent_writes_to_the_service_and_reads_what_it_wrote(tmp_path, name, service, made, said):
    journal = MemoryJournal()
    secret = secrets_named([CATALOG[name].server])[0]
    script = calls(*((f"mcp__{name}__{tool}", given) for tool, given in made))

    with playing_over_http(token="t-4711", playing=service(), in_events=True) as (url, _):
        entries = {name: {**CATALOG[name].server, "url": url}}
        servers = Servers(entries, Knowledge(secrets={secret: "t-4711"}))
        asked = order(tmp_path, tools=("read_file",), mcp_servers=entries, servers=servers)
        outcome = await InProcessExecutor(PlayedModels(script)).run(asked, journal)

    assert outcome.ended_by == "done"
    assert [data["ok"] for kind, data in journal.notes if kind == "tool_called"] == [True] * len(made)
    results: Any = (await journal.turns())[len(made) - 1].results
    assert said in [part.get("content") for message in results for part in message["parts"]]


async def test_the_entry_for_git_reads_the_history_of_a_tree_by_the_real_server(git_repo, git):
    journal = MemoryJournal()
    tree = git_repo({"lamp.txt": "on\n"})
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "Light the lamp")
    # Where `uvx` would put it, the lock file has put it beside the interpreter.
    program = str(Path(sys.executable).with_name("mcp-server-git"))
    entries = {"git": {**CATALOG["git"].server, "command": program, "args": list(CATALOG["git"].server["args"][1:])}}
    script = calls(("mcp__git__git_log", {"repo_path": str(tree)}), ("mcp__git__git_commit", {"repo_path": str(tree), "message": "x"}))
    asked = order(tree, tools=("read_file", *CATALOG["git"].tools), mcp_servers=entries)

    outcome = await InProcessExecutor(PlayedModels(script)).run(asked, journal)

    assert outcome.ended_by == "done"
    assert "Light the lamp" in str((await journal.turns())[0].results)
    assert [data["tools"] for kind, data in journal.notes if kind == "mcp_server_started"] == [len(CATALOG["git"].tools)]
    assert [data["tool"] for kind, data in journal.notes if kind == "tool_called" and data["ok"]] == ["mcp__git__git_log"]


def test_every_remote_entry_is_tried():
    assert set(REMOTE) == {"slack", "linear", "github"}
