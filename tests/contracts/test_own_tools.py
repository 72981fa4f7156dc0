"""Genie's own tools at the gateway: what one attempt's CLI reaches by its token, and the real CLI that calls them."""

from __future__ import annotations

import dataclasses
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from epics.errors import StoreUnavailable
from epics.knowledge import Group
from executors.containers.launcher import DockerLauncher
from executors.gateway.own_tools import OwnTools
from executors.port import Owner
from tests.fakes.claude import MODEL, docker_executor, need_cli
from tests.fakes.docker_daemon import docker_host, image
from tests.fakes.gateway import TOKEN, gateway
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import ALL_TOOLS, order
from tests.fakes.remembering import Remembering
from tools.builtin import builtin_tools
from tools.context import ToolContext

if TYPE_CHECKING:
    from tests.fakes.gateway import Scene

KNOWN = "the tests need LANG=C.UTF-8"
LISTED = (*ALL_TOOLS, "search_knowledge", "remember")
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
REPORT = {"summary": "done", "addressed": []}


@pytest.fixture
def knowledge() -> Remembering:
    return Remembering(KNOWN)


@pytest.fixture(params=["loopback", "socket"])
def socket(request, tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "gw.sock" if request.param == "socket" else None


async def spoken(scene: Scene, method: str, params: dict[str, Any] | None = None, *, token: str = TOKEN) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    answer = await scene.caller.client.post(
        f"{scene.caller.url}/mcp", json=message, headers={**HEADERS, "Authorization": f"Bearer {token}"}
    )
    return answer.json().get("result", answer.json()) if answer.status_code == 200 else answer.status_code


async def called(scene: Scene, tool: str, /, call: str = "toolu_1", **arguments: Any) -> tuple[bool, str]:
    meta = {"claudecode/toolUseId": call}
    said = await spoken(scene, "tools/call", {"name": tool, "arguments": arguments, "_meta": meta})
    return bool(said.get("isError")), said["content"][0]["text"]


async def test_it_offers_what_the_workflow_lists_and_the_cli_has_not_to_who_has_the_token(tmp_path, knowledge, socket):
    asked = order(tmp_path, tools=LISTED, reach=ToolContext(knowledge=knowledge))
    async with gateway(tmp_path, MemoryJournal(), asked=asked, socket=socket) as scene:
        listed = await spoken(scene, "tools/list")
        stranger = await spoken(scene, "tools/list", token="of another attempt")
        found = await called(scene, "search_knowledge", query="how to run the tests")
        other = await called(scene, "fetch_url", url="http://127.0.0.1/")
        file = await called(scene, "read_file", path="a.txt")
        wrong = await called(scene, "search_knowledge", query="", project="another")

    assert [tool["name"] for tool in listed["tools"]] == ["search_knowledge", "remember"]
    assert stranger == 401
    assert found[0] is False
    assert KNOWN in found[1]
    assert other[0] is True
    assert "not yours to use" in other[1]
    assert file[0] is True
    assert wrong[0] is True
    assert "project" in wrong[1]


async def test_what_is_told_again_after_a_crash_is_remembered_once(tmp_path, knowledge):
    asked = order(tmp_path, tools=LISTED, reach=ToolContext(knowledge=knowledge))
    for _worker in range(2):
        async with gateway(tmp_path, MemoryJournal(), asked=asked) as scene:
            await called(scene, "remember", text="Tests run with make", group="genie_procedures")
            await called(scene, "remember", text="Tests run with make", group="genie_procedures", call="toolu_2")

    assert list(knowledge.told) == ["e-0123456789/1/0/toolu_1", "e-0123456789/1/0/toolu_2"]
    assert {group for _, group, _ in knowledge.told.values()} == {Group.PROCEDURES}


async def test_a_store_that_breaks_is_told_in_words_and_a_lost_database_ends_the_attempt(tmp_path, knowledge):
    asked = order(tmp_path, tools=LISTED, reach=ToolContext(knowledge=knowledge))
    async with gateway(tmp_path, MemoryJournal(), asked=asked) as scene:
        knowledge.raises = RuntimeError("the index is gone")
        broken = await called(scene, "search_knowledge", query="tests")
        before = scene.session.failed
        knowledge.raises = StoreUnavailable("the database does not answer")
        lost = await called(scene, "remember", text="something")

    assert broken == (True, "search_knowledge failed: RuntimeError: the index is gone")
    assert before is None
    assert lost[0] is True
    assert isinstance(scene.session.failed, StoreUnavailable)


async def test_without_anything_to_offer_there_is_nothing_at_the_door(tmp_path, knowledge):
    own = OwnTools(order(tmp_path), builtin_tools())
    theirs = order(tmp_path, tools=LISTED, mcp_servers={"genie": {"command": "x"}}, reach=ToolContext(knowledge=knowledge))

    assert (own.names, own.servers("http://x", TOKEN)) == ((), {})
    assert OwnTools(theirs, builtin_tools()).names == ()
    async with gateway(tmp_path, MemoryJournal()) as scene:
        assert await spoken(scene, "tools/list") == 404


SCRIPT = {
    "plays": [
        {
            "workflow": "implement",
            "turns": [
                {"calls": [{"tool": "mcp__genie__search_knowledge", "arguments": {"query": "run the tests"}}]},
                {"calls": [{"tool": "mcp__genie__remember", "arguments": {"text": "It was done before"}}]},
                {"output": REPORT},
            ],
        }
    ]
}


async def test_the_real_cli_reaches_the_knowledge_of_its_project_through_the_worker(claude, provider, deep_tree, knowledge):
    journal = MemoryJournal(tree=deep_tree)

    outcome = await claude(provider(SCRIPT), journal, tools=LISTED, reach=ToolContext(knowledge=knowledge))

    assert outcome.ended_by == "done", outcome
    await reached(journal, knowledge)


@pytest.mark.docker
async def test_in_a_container_without_network_too(provider, tmp_path, knowledge):
    need_cli()
    home = tmp_path / "home"
    tree = home / "worktrees" / "e-0123456789" / "e-0123456789-1"
    tree.mkdir(parents=True)
    launcher = DockerLauncher(home=home, git_environment={}, docker_host=docker_host(), image=image())
    executor = docker_executor(provider(SCRIPT).url, launcher)
    journal = MemoryJournal(tree=tree)
    its = {"owner": Owner(database=uuid.uuid4().hex, epoch=1), "folder": home / "attempts" / "e-0123456789-1"}
    asked = order(tree, models=(MODEL,), seconds=120.0, tools=LISTED, reach=ToolContext(knowledge=knowledge), **its)

    try:
        outcome = await executor.run(asked, journal)
    finally:
        await executor.close()
        await launcher.close()

    assert outcome.ended_by == "done", outcome
    await reached(journal, knowledge)


async def reached(journal: MemoryJournal, knowledge: Remembering) -> None:
    """See that the CLI was told what is known, and that what it told is kept, once."""
    turns = [dataclasses.asdict(turn) for turn in await journal.turns()]
    assert KNOWN in json.dumps(turns[0]["results"])
    ((key, told),) = knowledge.told.items()
    assert told[0] == "It was done before"
    assert key.startswith("e-0123456789/1/0/toolu_")
    assert [(said["tool"], said["ok"]) for kind, said in journal.notes if kind == "tool_called"] == [
        ("search_knowledge", True),
        ("remember", True),
        ("StructuredOutput", True),
    ]
