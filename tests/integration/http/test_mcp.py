"""Genie as an MCP server in `genie serve`: what its tools do, for whom, and what they say of what they refuse."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from api.app import create_app
from api.mcp.answers import MOST_CHARS
from api.mcp.toolbox import TOOLS
from api.mcp_alone import McpOffer
from epics.roles import EVERYWHERE, Grant, Role
from tests.fakes.mcp_messages import Speaking

if TYPE_CHECKING:
    from tests.fakes.indoors import Household, Indoors

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def viewer(indoors: Indoors, household: Household) -> Speaking:
    return Speaking(indoors, indoors.new_key("vera", Grant(role=Role.VIEWER, repo=household.ids["own"]["repo"])))


@pytest.fixture(scope="module")
def admin(indoors: Indoors) -> Speaking:
    return Speaking(indoors, indoors.new_key("ada", Grant(role=Role.ADMIN, repo=EVERYWHERE)))


def test_it_says_who_it_is_and_what_its_tools_do(viewer):
    hello = viewer.result(
        "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    )
    listed = viewer.result("tools/list")["tools"]

    assert hello["serverInfo"]["name"] == "genie"
    assert [tool["name"] for tool in listed] == [tool.name for tool in TOOLS]
    assert {tool["name"] for tool in listed if not tool["annotations"]["readOnlyHint"]} == {
        *("start_epic", "say_to_epic", "resume_epic", "cancel_epic", "decide_approval", "run_agent", "remember"),
    }
    assert all(tool["inputSchema"]["additionalProperties"] is False for tool in listed)


def test_without_a_key_nothing_is_answered(indoors):
    answer = Speaking(indoors, None).send("tools/list")

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


def test_a_page_of_another_site_is_sent_away(indoors):
    answer = indoors.ask("POST", "http://localhost/mcp", None, json={}, headers={"Origin": "https://evil.example.org"})

    assert answer.status_code == 403


def test_there_is_no_stream_to_open_and_no_session_to_end(indoors, household):
    key = indoors.new_key("stella", Grant(role=Role.VIEWER, repo=household.ids["own"]["repo"]))

    answers = [indoors.ask(method, "http://localhost/mcp", key, headers={"Mcp-Session-Id": "x"}) for method in ("GET", "DELETE")]

    assert [answer.status_code for answer in answers] == [405, 405]


def test_each_sees_what_is_theirs_and_the_rest_is_not_there(household, viewer, admin):
    own, other = household.ids["own"], household.ids["other"]

    seen = {epic["id"] for epic in viewer.said("list_epics")["items"]}
    hidden = viewer.refused("show_epic", epic=other["epics"])
    missing = viewer.refused("show_epic", epic="e-0000000000")

    assert seen == {own["epics"]}
    assert {epic["id"] for epic in admin.said("list_epics")["items"]} >= {own["epics"], other["epics"]}
    assert "code epic_not_found" in hidden
    assert hidden.replace(other["epics"], "").split("(")[0] == missing.replace("e-0000000000", "").split("(")[0]


@pytest.mark.parametrize("tool", ["say_to_epic", "cancel_epic", "resume_epic", "decide_approval", "start_epic", "run_agent"])
def test_who_may_only_look_changes_nothing(indoors, household, viewer, tool):
    own = household.ids["own"]
    arguments = {
        "say_to_epic": {"epic": own["epics"], "text": "stop"},
        "cancel_epic": {"epic": own["epics"]},
        "resume_epic": {"epic": own["epics"]},
        "decide_approval": {"approval": own["approvals"], "decision": "approve", "content_hash": "x"},
        "start_epic": {"goal": "Greet people", "repo": own["repo"]},
        "run_agent": {"agent": "pr", "repo": own["repo"]},
    }[tool]
    before = indoors.rows("SELECT count(*) FROM events")

    said = viewer.refused(tool, **arguments)

    assert "code forbidden" in said
    assert indoors.rows("SELECT count(*) FROM events") == before


def test_an_epic_is_started_once_by_its_key_and_followed(household, admin):
    repo = household.ids["own"]["repo"]
    order = {"goal": "Greet in French", "repo": repo, "executor": "scripted", "idempotency_key": "a"}

    first, again = admin.said("start_epic", **order), admin.said("start_epic", **order)
    other = admin.refused("start_epic", **{**order, "goal": "Greet in Greek"})
    watched = admin.said("watch_epic", epic=first["id"], wait_s=0)
    on = admin.said("watch_epic", epic=first["id"], after=watched["last"], wait_s=0)

    assert again == first
    assert "code idempotency_key_reused" in other
    assert watched["epic"]["status"] == "queued"
    assert watched["events"][0]["type"] == "epic_queued"
    assert (on["events"], on["last"]) == ([], watched["last"])


def test_who_watches_is_told_of_each_event_as_it_comes(household, admin):
    params = {"name": "watch_epic", "arguments": {"epic": household.ids["own"]["epics"], "wait_s": 0}, "_meta": {"progressToken": "p"}}

    messages = admin.messages("tools/call", params)

    told = [message["params"]["message"] for message in messages if message.get("method") == "notifications/progress"]
    assert told[0].startswith("1 ")


def test_what_is_done_by_mcp_says_so(indoors, household, admin):
    own = household.ids["own"]

    admin.said("say_to_epic", epic=own["epics"], text="Mind the umlauts")

    assert indoors.rows("SELECT channel, person FROM audit WHERE deed = 'say' ORDER BY n DESC LIMIT 1") == [("mcp", "ada")]


def test_a_decision_needs_the_hash_of_what_was_looked_at(household, admin):
    approval = household.ids["other"]["approvals"]

    without = admin.refused("decide_approval", approval=approval, decision="approve")
    another = admin.refused("decide_approval", approval=approval, decision="approve", content_hash="of something else")

    assert "content_hash" in without
    assert "code invalid_request" in without
    assert "code superseded" in another


def test_what_is_told_is_found_by_those_who_may_read_there(indoors, household, admin, viewer):
    repo = household.ids["own"]["repo"]

    told = [admin.said("remember", repo=repo, text="The tests need LANG=C.UTF-8")["is_new"] for _ in range(2)]
    found = viewer.said("search_memory", repo=repo, query="how to run the tests", groups=["genie_context", "genie_procedures"])
    hidden = viewer.refused("search_memory", repo=household.ids["other"]["repo"], query="tests")
    refused = viewer.refused("remember", repo=repo, text="something")

    assert told == [True, False]
    assert found == {"items": [], "next": None}
    assert "code forbidden" in hidden
    assert "code forbidden" in refused
    assert indoors.rows("SELECT count(*) FROM episodes WHERE source ->> 'id' = 'ada'") == [(1,)]


def test_resources_are_what_the_tools_show(household, viewer):
    own = household.ids["own"]

    listed = [resource["uri"] for resource in viewer.result("resources/list")["resources"]]
    (read,) = viewer.result("resources/read", {"uri": f"genie://epics/{own['epics']}"})["contents"]
    (refusal,) = viewer.messages("resources/read", {"uri": f"genie://epics/{household.ids['other']['epics']}"})

    assert (listed[0], listed[-1]) == (f"genie://approvals/{own['approvals']}", f"genie://epics/{own['epics']}")
    assert not [uri for uri in listed if household.ids["other"]["epics"].removeprefix("e-") in uri]
    assert json.loads(read["text"])["id"] == own["epics"]
    assert "epic_not_found" in refusal["error"]["message"]


def test_a_server_may_offer_fewer_tools(indoors, household):
    key = indoors.new_key("rita", Grant(role=Role.ADMIN, repo=household.ids["own"]["repo"]))

    reading = Speaking(indoors, key, query="?read_only=true&tools=list_epics,show_epic")
    (refusal,) = reading.messages("tools/call", {"name": "start_epic", "arguments": {}})
    wrong = Speaking(indoors, key, query="?tools=drop_tables").send("tools/list")

    assert [tool["name"] for tool in reading.result("tools/list")["tools"]] == ["list_epics", "show_epic"]
    assert "there is no tool 'start_epic'" in refusal["error"]["message"]
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")


def test_a_server_for_the_protocol_alone_has_nothing_else_and_offers_no_more_than_it_was_told(indoors, household):
    key = indoors.new_key("alma", Grant(role=Role.ADMIN, repo=household.ids["own"]["repo"]))
    alone = dataclasses.replace(indoors.serving, mcp=McpOffer(alone=True, read_only=True))
    whole, indoors.app = indoors.app, create_app(alone)

    try:
        api = indoors.ask("GET", "http://localhost/api/v1/epics", key)
        health = indoors.ask("GET", "http://localhost/health")
        stranger = Speaking(indoors, None).send("tools/list")
        offered = {tool["name"] for tool in Speaking(indoors, key).result("tools/list")["tools"]}
        more = Speaking(indoors, key, query="?tools=start_epic").send("tools/list")
    finally:
        indoors.app = whole

    assert (api.status_code, health.status_code, stranger.status_code, more.status_code) == (404, 200, 401, 400)
    assert "show_epic" in offered
    assert "start_epic" not in offered


def test_a_long_answer_comes_in_parts_that_make_it_whole(household, admin):
    repo = household.ids["own"]["repo"]
    goal = "é" * 19_000
    for number in range(3):
        admin.said("start_epic", goal=f"{number}{goal}", repo=repo, executor="scripted")

    parts, offset = [], 0
    while offset is not None:
        text = admin.call("list_epics", limit=3, offset=offset)["content"][0]["text"]
        part, cut, rest = text.partition("\n[cut at ")
        parts.append(part)
        offset = int(rest.partition("offset=")[2].partition(" ")[0]) if cut else None

    assert [len(part) <= MOST_CHARS for part in parts] == [True] * len(parts)
    assert [epic["goal"][1:] for epic in json.loads("".join(parts))["items"]] == [goal] * 3


HOSTILE = [
    "../cancel",
    "e-1/cancel",
    "a\0b",
    "\ud800",
    "x" * 100_000,
    None,
    {"a": 1},
    1e400,
    2**70,
    "'; DROP TABLE epics; --",
]

THERE = {"epic": "e-0000000000", "approval": "a-0000000000", "agent": "pr", "run": "r-0000000000", "repo": "/nowhere", "wait_s": 0}


@pytest.mark.parametrize("tool", [tool.name for tool in TOOLS])
def test_nothing_that_is_sent_stops_a_tool(indoors, admin, tool):
    names = next(each for each in TOOLS if each.name == tool).arguments.model_fields
    before = indoors.rows("SELECT count(*) FROM epics WHERE status = 'cancelled'")

    for name in names:
        for value in HOSTILE:
            given = {name: value for name, value in THERE.items() if name in names} | {name: value}
            answer = admin.send("tools/call", {"name": tool, "arguments": given})
            assert answer.status_code in {200, 400}, (name, value)
            assert "internal_error" not in answer.text, (name, value)
            assert "Traceback" not in answer.text, (name, value)

    assert indoors.rows("SELECT count(*) FROM epics WHERE status = 'cancelled'") == before
