"""What a `.mcp.json` may say: the first fault is told with its file and its line."""

from __future__ import annotations

import json

import pytest

from agents.loading import parse_servers
from epics.errors import InvalidWorkflow


def written(**server):
    return json.dumps({"mcpServers": {"docs": {"command": "docs", **server}}}, indent=1)


@pytest.mark.parametrize(
    "server, line, said",
    [
        ({"env": {"A": "${secret:jwt_secret}"}}, 6, "is no reference"),
        ({"args": ["--token=${secret:mcp_docs}"]}, 6, "has a secret on a command line"),
        ({"args": ["${HOME"]}, 6, "has no end"),
        ({"url": "https://example.org"}, 3, "either 'command' or 'url'"),
        ({"type": "http"}, 3, "type 'http' goes with 'url'"),
        ({"type": "sse"}, 5, "mcpServers.docs.type is 'sse'"),
        ({"timeout": 0}, 5, "timeout"),
        ({"timeout": {"start": 5, "stop": 1}}, 5, "stop"),
        ({"on_change": "ignore"}, 5, "on_change is 'ignore'"),
        ({"restart": 3}, 5, "unknown key 'mcpServers.docs.restart'"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_a_fault_is_told_with_its_line(server, line, said):
    with pytest.raises(InvalidWorkflow, match=r"^\.mcp\.json:\d+: ") as fault:
        parse_servers(written(**server), file=".mcp.json")

    assert said in str(fault.value)
    assert int(str(fault.value).split(":")[1]) == line


@pytest.mark.parametrize("name", ["a__b", "_a", "a_", "a b", "", "x" * 90])
def test_a_name_by_which_tools_could_not_be_told_apart_is_refused(name):
    with pytest.raises(InvalidWorkflow):
        parse_servers(json.dumps({"mcpServers": {name: {"command": "docs"}}}), file=".mcp.json")


def test_what_fits_comes_as_it_was_written():
    server = {"args": ["${ROOT:-/srv}"], "env": {"T": "${secret:mcp_docs}"}, "timeout": {"call": 5.0}, "required": True}

    found = parse_servers(written(**server), file=".mcp.json")["docs"]

    assert {key: found[key] for key in ("args", "env", "required")} == {key: server[key] for key in ("args", "env", "required")}
    assert found["timeout"]["call"] == 5.0
