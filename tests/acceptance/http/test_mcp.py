"""Genie as an MCP server, asked by a real client of the protocol: over HTTP with keys of several roles, and on standard streams."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.fakes.servers import GENIE, ROOT

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie
    from tests.fakes.servers import Server


@asynccontextmanager
async def speaking(server: Server, key: str) -> AsyncGenerator[Client]:
    """A client with a key."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=90) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
    ):
        yield client


async def said(client: Client, tool: str, /, **arguments: Any) -> Any:
    """What a tool answered, which was no error."""
    answer = await client.call_tool(tool, arguments)
    text = answer.content[0].text  # type: ignore[union-attr]
    assert not answer.is_error, text
    return json.loads(text)


async def at_rest(client: Client, epic: str, after: int) -> Any:
    """The epic when it waits for somebody or has ended, asked for as often as that takes."""
    watched = await said(client, "watch_epic", epic=epic, after=after, wait_s=60)
    return await at_rest(client, epic, watched["last"]) if watched["more"] else watched


async def refused(client: Client, tool: str, /, **arguments: Any) -> str:
    """What a tool said of what it did not do."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer
    return str(answer.content[0].text)  # type: ignore[union-attr]


def new_key(genie: Genie, server: Server, role: str) -> str:
    """A key of a new person, who is called after their role."""
    person = f"the-{role}"
    added = genie("person", "add", person, "--role", role)
    assert added.code == 0, added.err
    with server.client() as client:
        answer = client.post("/keys", json={"name": person, "person": person, "grants": [{"role": role}]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def test_an_epic_goes_to_its_merge_by_the_protocol_and_each_does_what_its_role_may(database_url, serve, genie, sample):
    first, second = serve("--workers", "1", database_url=database_url), serve("--workers", "0", database_url=database_url)
    keys = {role: new_key(genie, first, role) for role in ("viewer", "operator", "approver")}
    seen: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(f"{progress} of {total}: {message}")

    async with (
        speaking(first, keys["operator"]) as operator,
        speaking(second, keys["viewer"]) as viewer,
        speaking(second, keys["approver"]) as approver,
    ):
        epic = (await said(operator, "start_epic", goal="Greet", repo=sample, executor="scripted", idempotency_key="k"))["id"]
        await said(operator, "remember", repo=sample, text="The tests need LANG=C.UTF-8")
        watched = await operator.call_tool("watch_epic", {"epic": epic, "wait_s": 60}, progress_callback=note)
        at_gate = json.loads(watched.content[0].text)  # type: ignore[union-attr]
        (waiting,) = (await said(viewer, "list_approvals"))["items"]
        plan = await said(viewer, "show_approval", approval=waiting["id"])
        decision = {"approval": waiting["id"], "decision": "approve", "content_hash": plan["approval"]["content_hash"]}
        no_right = [await refused(client, "decide_approval", **decision) for client in (viewer, operator)]
        decided = await said(approver, "decide_approval", **decision)
        too_late = await refused(approver, "decide_approval", **{**decision, "decision": "reject"})
        merging = await at_rest(operator, epic, at_gate["last"])
        merge = await said(approver, "show_approval", approval=epic)
        await said(approver, "decide_approval", **{**decision, "approval": epic, "content_hash": merge["approval"]["content_hash"]})
        ended = await at_rest(viewer, epic, merging["last"])
        history = (await said(viewer, "show_history", epic=epic))["items"]
        known = await said(viewer, "search_memory", repo=sample, query="what do the tests need?", groups=["genie_context"])
        diff = await said(viewer, "show_diff", epic=epic)
        moment = json.loads((await viewer.read_resource(f"genie://epics/{epic}/moments/1")).contents[0].text)  # type: ignore[union-attr]

    assert at_gate["epic"]["status"] == "waiting"
    assert any("approval_opened" in line for line in seen)
    assert plan["content"]["plan"]["tasks"]
    assert all("code forbidden" in refusal for refusal in no_right)
    assert (decided["decision"], decided["decided_by"], decided["channel"]) == ("approve", "the-approver", "mcp")
    assert "already decided: approve, by the-approver" in too_late
    assert ended["epic"]["status"] == "merged"
    assert [each["n"] for each in history] == list(range(1, len(history) + 1))
    assert "The tests need LANG=C.UTF-8" in [found["fact"]["text"] for found in known["items"]]
    assert diff["files"]
    assert moment["n"] == 1


async def test_on_standard_streams_it_serves_whoever_starts_it_and_ends_with_its_input(genie_environment, sample, tmp_path):
    environment = {**genie_environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    log = tmp_path / "log"

    with log.open("w") as errors:
        given = StdioServerParameters(command=sys.executable, args=[*GENIE[1:], "mcp", "serve"], env=environment, cwd=tmp_path)
        async with Client(stdio_client(given, errlog=errors)) as client:
            epic = (await said(client, "start_epic", goal="Greet", repo=sample, executor="scripted"))["id"]
            shown = await said(client, "show_epic", epic=epic)
            missing = await refused(client, "show_epic", epic="e-0000000000")
        reading = StdioServerParameters(command=sys.executable, args=[*GENIE[1:], "mcp", "serve", "--read-only"], env=environment)
        async with Client(stdio_client(reading, errlog=errors)) as client:
            offered = {tool.name for tool in (await client.list_tools()).tools}

    assert shown["status"] == "queued"
    assert "code epic_not_found" in missing
    assert "list_epics" in offered
    assert "start_epic" not in offered
    assert log.read_text() == ""
