"""A workflow's MCP servers are real: their tools run, and one that is dead, slow, lying or changing is contained in its time."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

from epics.agent_errors import McpServerBroken, McpToolChanged
from epics.errors import Environment
from executors.in_process import InProcessExecutor
from executors.mcp.opening import Servers
from executors.mcp.server import McpServer
from executors.mcp.settings import Knowledge, filled
from executors.mcp.wire import CallRefused
from executors.scripts import Script
from tests.fakes.journal import MemoryJournal
from tests.fakes.mcp_playing import playing_over_http
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels

FAKES = Path(__file__).resolve().parents[1] / "fakes"
SERVERS = {"small": {"command": sys.executable, "args": [str(FAKES / "mcp_server.py")]}}
ENVIRONMENT = {"PATH": os.defpath, "HOME": "/nonexistent"}
WAYS = ("stdio", "http", "events")
PATIENT = {"start": 30.0, "list": 15.0, "call": 15.0}
"""Only what a test is about ends by its time: the machine may be busy."""


def played(*calls):
    turns = [{"calls": [{"tool": name, "arguments": given}]} for name, given in calls]
    return PlayedModels(Script.model_validate({"plays": [{"workflow": "implement", "turns": [*turns, {"output": {"summary": "done"}}]}]}))


def program(part, *more, **settings):
    """The entry of a server that plays a part on its standard streams."""
    return {"command": sys.executable, "args": [str(FAKES / "mcp_playing.py"), part, *more], "timeout": PATIENT, **settings}


async def run(tmp_path, journal, *calls, tools=("read_file",), **servers):
    made = order(tmp_path, tools=tools, mcp_servers=servers, environment=ENVIRONMENT)
    return await InProcessExecutor(played(*calls)).run(made, journal)


def noted(journal, kind):
    return [data for seen, data in journal.notes if seen == kind]


class Told:
    """Hears what a server's events are."""

    def __init__(self):
        self.heard = []

    async def __call__(self, kind, data):
        self.heard.append((kind, dict(data)))


@pytest.fixture
async def made():
    """Return a function that makes a server, which is ended with the test however that ends."""
    servers = []

    def make(entry, **secrets):
        servers.append(McpServer(filled("it", entry, Knowledge(secrets=secrets)), environment=ENVIRONMENT))
        return servers[-1]

    yield make
    for server in servers:
        await server.close()


@pytest.fixture(params=WAYS)
async def reach(request, tmp_path, made):
    """Return a function that starts a server which plays a part, in each way in which there are servers."""
    with contextlib.ExitStack() as stack:

        async def start(part, **settings):
            if request.param == "stdio":
                entry = program(part, **settings)
            else:
                url, _ = stack.enter_context(playing_over_http(part, in_events=request.param == "events"))
                entry = {"url": url, "timeout": PATIENT, **settings}
            server = made(entry)
            await server.start(tmp_path)
            return server

        yield start


async def test_tools_of_all_pages_are_listed_and_called(reach):
    server, told = await reach("good"), Told()

    said = [await server.call("note", {"text": text}, told) for text in ("one", "two")]

    assert [(tool.name, tool.read_only) for tool in server.tools] == [("note", False), ("notes", True)]
    assert [each.text for each in said] == ["kept 1", "kept 2"]
    assert (await server.call("notes", {}, told)).text == "one\ntwo"


async def test_an_unknown_tool_is_refused_by_the_server_and_the_server_goes_on(reach):
    server = await reach("good")

    with pytest.raises(CallRefused, match="Unknown tool: other"):
        await server.call("other", {}, Told())

    assert (await server.call("note", {"text": "x"}, Told())).text == "kept 1"


async def test_a_slow_call_ends_in_its_time(reach):
    server = await reach("slow", timeout={**PATIENT, "call": 0.5})

    with pytest.raises(McpServerBroken, match=r"did not answer tools/call within 0\.5 s"):
        await server.call("note", {}, Told())


@pytest.mark.parametrize("part", ["garbage", "wrong_ids", "huge", "endless", "old", "pages"])
async def test_a_server_that_lies_does_not_come_up(reach, part):
    with pytest.raises(McpServerBroken):
        await reach(part, timeout={"start": 1.0, "list": 1.0})


async def test_tools_whose_schema_is_none_are_left_out_with_the_reason(reach):
    server = await reach("no_schemas")

    assert [tool.name for tool in server.tools] == ["note"]
    assert server.refused["b"] == "its schema is no JSON schema"
    assert server.refused["twice"] == "it is listed twice"
    assert len(server.refused) == 12


async def test_a_result_that_is_none_is_told_and_the_server_goes_on(reach):
    server = await reach("no_result")

    for _ in range(2):
        with pytest.raises(McpServerBroken, match="what is no result of a tool"):
            await server.call("note", {}, Told())


async def test_a_server_that_chats_beside_its_answers_is_understood(tmp_path, made):
    server = made(program("chatty"))

    await server.start(tmp_path)
    said = await server.call("note", {"text": "x"}, Told())
    await server.close()

    assert said.text == "kept 1"


async def test_a_server_that_dies_is_started_again_as_often_as_it_may_be(tmp_path, made):
    told = Told()
    server = made(program("dying", restarts=1))
    await server.start(tmp_path)
    said = []

    for _ in range(5):
        try:
            said.append((await server.call("note", {}, told)).text)
        except McpServerBroken as exc:
            said.append(str(exc))
    await server.close()

    died = "it ended with exit code 3: I am not well"
    assert said == ["kept 1", died, "kept 1", died, f"{died}; it is not started again, after 2 starts"]
    assert [kind for kind, _ in told.heard] == ["mcp_server_restarted", "mcp_server_lost"]


async def test_a_server_that_changes_a_tool_while_the_agent_works_is_withdrawn(tmp_path, made):
    told = Told()
    server = made(program("changing"))
    await server.start(tmp_path)
    await server.call("note", {}, told)

    with pytest.raises(McpToolChanged, match="has changed its tools"):
        await server.call("notes", {}, told)
    await server.close()

    assert told.heard[0][1]["changed"] == ["note"]


async def test_what_a_server_says_of_its_secrets_is_masked(tmp_path, made):
    entry = program("secretive", env={"TOKEN": "${secret:mcp_token}"})
    server = made(entry, mcp_token="not-for-models")

    await server.start(tmp_path)
    said = await server.call("note", {}, Told())
    await server.close()

    assert said.text == "I have [secret]"
    assert "not-for-models" not in repr(server.settings)
    assert [tool.about for tool in server.tools if "secret" in tool.about] == ["Keep a note with [secret]"]


def test_a_secret_is_sent_in_clear_to_this_machine_alone():
    headers, known = {"Authorization": "${secret:mcp_token}"}, Knowledge(secrets={"mcp_token": "not-for-listeners"})

    assert filled("it", {"url": "http://127.0.0.1:1/mcp", "headers": headers}, known).headers
    with pytest.raises(McpServerBroken, match="use https://"):
        filled("it", {"url": "http://wiki.example.org/mcp", "headers": headers}, known)


async def test_a_server_at_a_url_is_given_its_headers_and_told_that_the_session_is_over(tmp_path, made):
    entry = {"headers": {"Authorization": "Bearer ${secret:mcp_token}"}, "timeout": PATIENT}
    with playing_over_http(token="t-4711") as (url, playing):
        server = made({"url": url, **entry}, mcp_token="t-4711")
        other = made({"url": url, **entry}, mcp_token="t-0815")

        await server.start(tmp_path)
        await server.close()
        with pytest.raises(McpServerBroken, match="it answered with status 401"):
            await other.start(tmp_path)

    assert playing.heard[-1] == {"method": "DELETE"}


async def test_what_a_server_packs_though_it_was_not_asked_to_is_not_unpacked(tmp_path, made):
    with playing_over_http("packed") as (url, _), pytest.raises(McpServerBroken, match="what is no answer"):
        await made({"url": url, "timeout": PATIENT}).start(tmp_path)


@pytest.mark.parametrize(
    "text, named",
    [("${HIDDEN}", "the variable HIDDEN is not set"), ("${secret:mcp_gone}", "the secret mcp_gone is not stored")],
)
async def test_a_reference_to_nothing_names_it(tmp_path, text, named):
    journal = MemoryJournal()

    outcome = await run(tmp_path, journal, small={**SERVERS["small"], "env": {"A": text}})

    assert outcome.ended_by == "done"
    assert named in noted(journal, "mcp_server_missing")[0]["said"]


async def test_a_tool_of_a_server_runs_in_the_work_tree_and_counts_as_a_change(tmp_path):
    journal = MemoryJournal()

    outcome = await run(tmp_path, journal, ("mcp__small__leave_mark", {"text": "here"}), **SERVERS)

    assert outcome.ended_by == "done"
    assert (tmp_path / "mark.txt").read_text() == "here"
    assert "completed 1 changed" in journal.log


@pytest.mark.parametrize(
    "tool, said", [("refuse", "Error executing tool refuse"), ("die", "the MCP server small failed: it ended with exit code 1")]
)
async def test_a_call_that_fails_is_told_to_the_model(tmp_path, tool, said):
    journal = MemoryJournal()

    outcome = await run(tmp_path, journal, (f"mcp__small__{tool}", {}), **SERVERS)

    assert outcome.ended_by == "done"
    assert said in str((await journal.turns())[0].results)
    assert [(data["tool"], data["ok"]) for data in noted(journal, "tool_called")] == [(f"mcp__small__{tool}", False)]


async def test_a_flood_from_a_server_is_cut(tmp_path):
    journal = MemoryJournal()

    await run(tmp_path, journal, ("mcp__small__flood", {}), **SERVERS)

    assert len(str((await journal.turns())[0].results)) < 40_000


async def test_only_the_listed_tools_of_a_server_are_offered(tmp_path):
    journal = MemoryJournal()

    calls = [("mcp__it__note", {"text": "a"}), ("mcp__it__notes", {})]
    await run(tmp_path, journal, *calls, tools=("read_file", "mcp__it__notes"), it=program("good"))

    assert [data["tool"] for data in noted(journal, "tool_called") if data["ok"]] == ["mcp__it__notes"]
    assert noted(journal, "mcp_server_started")[0]["tools"] == 1


async def test_a_tool_that_appears_while_the_agent_works_cannot_be_called(tmp_path):
    journal = MemoryJournal()

    await run(tmp_path, journal, ("mcp__it__note", {"text": "a"}), ("mcp__it__later", {"text": "b"}), it=program("growing"))

    assert [data["tool"] for data in noted(journal, "tool_called") if data["ok"]] == ["mcp__it__note"]


@pytest.mark.parametrize("settings", [{"command": "/nonexistent/server"}, {"command": sys.executable, "args": ["-c", "pass"]}])
async def test_a_server_that_does_not_come_up_is_noted_and_the_run_goes_on(tmp_path, settings):
    journal = MemoryJournal()

    outcome = await run(tmp_path, journal, gone=settings)

    assert outcome.ended_by == "done"
    assert [data["server"] for data in noted(journal, "mcp_server_missing")] == ["gone"]


async def test_a_server_that_is_required_and_does_not_come_up_ends_the_attempt(tmp_path):
    journal = MemoryJournal()

    outcome = await run(tmp_path, journal, gone={"command": "/nonexistent/server", "required": True})

    assert (outcome.ended_by, outcome.error_kind) == ("error", "environment")
    assert "the MCP server gone, which the workflow requires, cannot be used: it cannot be started" in outcome.error


@pytest.mark.parametrize(
    "settings, said",
    [({}, '"on_change": "block"'), ({"on_change": "warn", "required": True}, "that it is required")],
    ids=["block", "required"],
)
async def test_a_server_that_nobody_can_look_at_is_not_left_to_the_agent_where_that_is_asked(settings, said):
    entries, told = {"it": program("good", **settings), "free": program("good", on_change="warn")}, Told()
    servers = Servers(entries, Knowledge(), elsewhere=("it", "free"))

    if settings:
        with pytest.raises(Environment, match=said):
            await servers.ready(told, ())
    else:
        assert await servers.ready(told, ()) == ()
        assert told.heard[-1] == ("mcp_server_unseen", {"server": "free"})
    await servers.close()

    assert list(servers.elsewhere) == ["free"]
    assert (told.heard[0][0], said in told.heard[0][1]["said"]) == ("mcp_server_missing", True)
