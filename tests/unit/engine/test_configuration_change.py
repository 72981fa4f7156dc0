"""What an attempt may use beside the one before it, and what is said to differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.registry import Registry
from agents.workflow import Network
from engine.time_machine.configuration_change import changes, configuration_of, fingerprint, narrowed, offered
from epics.failures import analyse
from epics.state import Trouble
from epics.steps import Step

IMPLEMENT = Registry.discover().workflows["implement"]
SERVER = {"command": "search", "env": {"TOKEN": "hush"}}
LITTLE = replace(IMPLEMENT, tools=("read_file", "write_file"), mcp_servers={"docs": SERVER})
VALUES = {
    "step": "implement",
    "executor": "scripted",
    "model": "scripted:a,scripted:b",
    "limit_usd": None,
    "workflow_hash": "h",
    "brief": "Do it.",
    "base_commit": "c",
    "continues": None,
}
VARIABLES = {"failure": None, "guidance": (), "comments": (), "lessons": (), "allowed_paths": ("**",), "forbidden_paths": ()}


def configuration(workflow, whole=None, **variables):
    return configuration_of(VALUES, whole or workflow, workflow, {**VARIABLES, **variables})


def test_a_workflow_that_grew_offers_no_more_than_before():
    before = configuration(LITTLE)
    grown = replace(LITTLE, tools=("run_command", "write_file", "read_file"), mcp_servers={"docs": SERVER, "web": {"url": "http://x"}})

    narrow = narrowed(grown, before)

    assert narrow.tools == ("write_file", "read_file")
    assert set(narrow.mcp_servers) == {"docs"}
    assert configuration(narrow, grown)["held_back"] == ["run_command", "mcp__web"]


def test_a_network_that_grew_reaches_no_more_than_before():
    some = replace(LITTLE, network=Network(mode="allowlist", hosts=("a.example.org", "b.example.org")))
    grown = replace(some, network=Network(mode="allowlist", hosts=("b.example.org", "*.example.net")))

    narrow = narrowed(grown, configuration(some))

    assert narrow.network == Network(mode="allowlist", hosts=("b.example.org",))
    assert configuration(narrow, grown)["held_back"] == ["host *.example.net"]
    assert narrowed(grown, configuration(LITTLE)).network == Network(mode="none", hosts=())


def test_a_workflow_that_shrank_offers_less():
    assert narrowed(replace(LITTLE, tools=("read_file",)), configuration(LITTLE)).tools == ("read_file",)


def test_a_server_with_other_settings_is_another_server():
    moved = replace(LITTLE, mcp_servers={"docs": {**SERVER, "command": "evil"}})

    assert narrowed(moved, configuration(LITTLE)).mcp_servers == {}


def test_a_server_that_lost_its_listed_tools_does_not_offer_all_of_them():
    listed = replace(LITTLE, tools=("read_file", "mcp__docs__look"))

    assert narrowed(listed, None, without=["mcp__docs__look"]).mcp_servers == {}
    assert set(narrowed(listed, None, without=["write_file"]).mcp_servers) == {"docs"}


def test_an_analysis_takes_tools_away_and_gives_none():
    narrow = narrowed(LITTLE, None, without=["write_file", "run_command", "sudo"])

    assert narrow.tools == ("read_file",)


def test_an_analysis_that_would_leave_no_tool_is_not_followed():
    assert narrowed(LITTLE, None, without=["read_file", "write_file", "mcp__docs"]) == LITTLE


@pytest.mark.parametrize("person", [True, False])
def test_a_person_who_decided_since_then_gives_what_the_workflow_has(person):
    grown = replace(LITTLE, tools=("read_file", "write_file", "run_command"))
    before = {"configuration": configuration(LITTLE), "without_tools": ["write_file"], "person": person}

    assert offered(grown, before).tools == (grown.tools if person else ("read_file",))


def test_an_attempt_that_an_older_release_opened_holds_nothing_back():
    assert offered(LITTLE, {"attempt": 3, "configuration": None, "without_tools": [], "person": False}) == LITTLE


def test_what_differs_is_told_field_by_field():
    failure = analyse(Trouble(step=Step.IMPLEMENT, attempt=3, ended_by="timeout"))
    before, after = configuration(LITTLE), configuration(narrowed(LITTLE, None, without=["write_file"]), LITTLE, failure=failure)

    told = changes(before, after)

    assert told == [
        {"field": "tools", "before": ["read_file", "write_file"], "after": ["read_file"]},
        {"field": "held_back", "before": [], "after": ["write_file"]},
        {"field": "answers", "before": None, "after": {"point": "implement, attempt 3", "type": "timeout", "by": "rules"}},
    ]
    assert changes(None, after) is None


def test_the_settings_of_a_server_are_not_shown():
    shown = configuration(LITTLE)["mcp_servers"]

    assert shown == {"docs": fingerprint(SERVER)}
    assert "hush" not in str(shown)
