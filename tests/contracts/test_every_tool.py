"""What every tool that comes with Genie promises, whatever it does: on a real folder, real git, and a small web on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os

import pytest

from agents.workflow import Network
from engine.reach.getting import Getter
from engine.reach.history import TreeHistory
from engine.reach.web import ReachableWeb, SearchEngine
from tests.conftest import make_repo
from tests.fakes.reach import PeopleInMemory, TasksInMemory
from tests.fakes.remembering import Remembering
from tests.fakes.web_server import Served, WebServer
from timemachine.workspace import open_workspace
from timemachine.worktrees import add_worktree
from tools.builtin import builtin_tools
from tools.context import ToolContext
from tools.output import CAP
from tools.workspace import ToolProblem, Workspace

REGISTRY = builtin_tools()
TOOLS = REGISTRY.select(REGISTRY.names)
STRANGE = "Grüße, 世界, \N{MAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}, null \0"

CALLS = {
    "read_file": {"path": "grüße.txt"},
    "write_file": {"path": "new.txt", "content": STRANGE},
    "edit_file": {"path": "grüße.txt", "old": "Grüße", "new": "世界"},
    "list_files": {},
    "search": {"pattern": "Grüße"},
    "run_command": {"command": "cat grüße.txt"},
    "git_log": {},
    "git_show": {},
    "git_diff": {},
    "git_blame": {"path": "grüße.txt"},
    "tell_people": {"text": STRANGE},
    "list_tasks": {},
    "add_task": {"text": STRANGE},
    "complete_task": {"task": 1, "note": STRANGE},
    "search_knowledge": {"query": "Grüße"},
    "remember": {"text": STRANGE},
    "fetch_url": {"url": "WEB/page"},
    "search_web": {"query": "Grüße"},
}
"""A call of each tool that goes well."""

NAMED = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


@pytest.fixture
def web():
    with WebServer() as server:
        server.page("/page", "<h1>Grüße</h1><script>no()</script><p>from 世界")
        server.page("/long", "word " * 400_000, kind="text/plain")
        yield server


@pytest.fixture(scope="module")
def history(tmp_path_factory, git):
    """A work tree of a small repository, made once: what reads it changes nothing."""
    folder = tmp_path_factory.mktemp("history")
    repo = make_repo(git, folder / "repo", {"grüße.txt": "Grüße\n", "long.txt": "a long line of words\n" * 20_000})

    async def made():
        workspace = await open_workspace(folder / "home", str(repo), {"PATH": os.defpath, "HOME": str(folder)})
        return await add_worktree(workspace.mirror, folder / "tree", await workspace.mirror.fetch_base("main"))

    worktree = asyncio.run(made())
    (worktree.path / "long.txt").write_text("another long line\n" * 20_000)
    return TreeHistory(worktree)


@pytest.fixture
async def context(tmp_path, web, history):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "grüße.txt").write_text("Grüße\n")
    (tree / "long.txt").write_text("a long line of words\n" * 20_000)
    tasks = TasksInMemory()
    await tasks.add("first", "begin")
    return ToolContext(
        workspace=Workspace(tree=tree, environment={"PATH": os.defpath, "LANG": "C.UTF-8"}),
        history=history,
        knowledge=Remembering("Grüße are said in German", *("Grüße " * 700 for _ in range(30))),
        tasks=tasks,
        people=PeopleInMemory(),
        web=ReachableWeb(network=None, engine=SearchEngine(url=f"{web.url}/search"), getter=Getter(allow_private=True)),
        call_id="e-0123456789/1/1/call",
    )


def files_of(context):
    return {path.name: path.read_bytes() for path in context.workspace.tree.iterdir()}


def given(tool, web):
    return json.loads(json.dumps(CALLS[tool.name]).replace("WEB", web.url))


def test_each_category_has_a_tool():
    found = {tool.category for tool in TOOLS}

    assert found == {"files", "version_control", "communication", "tasks", "memory", "web"}


@NAMED
def test_it_says_what_it_does_and_what_each_argument_is(tool):
    schema = tool.schema()

    assert tool.description.endswith(".")
    assert schema["additionalProperties"] is False
    assert all(argument["description"] for argument in schema["properties"].values())
    assert json.loads(json.dumps(schema)) == schema


@NAMED
async def test_a_call_that_fits_is_answered_in_words_that_any_store_takes(tool, context, web):
    said = await REGISTRY.call(tool.name, given(tool, web), context=context, allowed=(tool.name,))

    assert said.strip()
    assert "\0" not in said
    assert said.encode().decode() == said


@NAMED
async def test_arguments_that_do_not_fit_are_told_and_nothing_is_done(tool, context):
    before = files_of(context)

    with pytest.raises(ToolProblem, match=f"{tool.name} was called with arguments that do not fit: .*colour"):
        await tool.call(context, {"colour": "red"})

    assert files_of(context) == before
    assert context.people.told == {}


@NAMED
async def test_it_is_refused_where_the_list_does_not_have_it(tool, context, web):
    with pytest.raises(ToolProblem, match="not yours to use: use one of nothing_else"):
        await REGISTRY.call(tool.name, given(tool, web), context=context, allowed=("nothing_else",))


@NAMED
async def test_without_what_it_reaches_it_says_so(tool, web):
    with pytest.raises(ToolProblem, match=r"this run has no .*: go on without"):
        await tool.call(ToolContext(call_id="e/1/1/c"), given(tool, web))


@pytest.mark.parametrize("name, slow", [("run_command", {"command": "sleep 60"}), ("fetch_url", {"url": "WEB/slow"}), ("search_web", {})])
async def test_a_call_that_is_cancelled_ends(name, slow, context, web):
    web.pages |= {"/slow": Served(hangs=True), "/search": Served(hangs=True)}
    tool = REGISTRY.get(name)
    working = asyncio.create_task(tool.call(context, json.loads(json.dumps({**CALLS[name], **slow}).replace("WEB", web.url))))
    await asyncio.sleep(0.2)
    working.cancel()

    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await working


@pytest.mark.parametrize("name", ["write_file", "add_task", "remember", "tell_people"])
async def test_half_of_a_character_is_told_and_not_kept(name, context):
    broken = json.loads(json.dumps(CALLS[name]).replace("world", "").replace("null", "\\ud83d"))

    with pytest.raises(ToolProblem, match="arguments that do not fit"):
        await REGISTRY.get(name).call(context, broken)


LONG = {
    "read_file": {"path": "long.txt"},
    "search": {"pattern": "words"},
    "run_command": {"command": "cat long.txt"},
    "git_show": {"path": "long.txt"},
    "git_blame": {"path": "long.txt", "last": 20_000},
    "git_diff": {},
    "search_knowledge": {"query": "Grüße", "limit": 30},
    "fetch_url": {"url": "WEB/long"},
}


@pytest.mark.parametrize("name", LONG)
async def test_no_answer_is_longer_than_a_model_should_be_given(name, context, web):
    said = await REGISTRY.get(name).call(context, json.loads(json.dumps(LONG[name]).replace("WEB", web.url)))

    assert 5_000 < len(said) < CAP + 5_000
    assert "[" in said


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.idempotency == "keyed"], ids=lambda tool: tool.name)
async def test_a_keyed_call_that_is_made_again_changes_nothing(tool, context, web):
    await tool.call(context, given(tool, web))
    before = len(await context.tasks.tasks()), dict(context.people.told), dict(context.knowledge.told)

    await tool.call(context, given(tool, web))

    assert (len(await context.tasks.tasks()), context.people.told, context.knowledge.told) == before


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.side_effect == "none"], ids=lambda tool: tool.name)
async def test_what_leaves_nothing_behind_changes_no_file(tool, context, web):
    before = files_of(context)

    await tool.call(context, given(tool, web))

    assert files_of(context) == before


@pytest.mark.parametrize("name", ["fetch_url", "search_web"])
async def test_a_workflow_that_may_reach_nothing_reaches_no_web(name, context, web):
    closed = dataclasses.replace(context, web=dataclasses.replace(context.web, network=Network()))

    with pytest.raises(ToolProblem, match="this workflow may reach nothing outside"):
        await REGISTRY.get(name).call(closed, given(REGISTRY.get(name), web))

    assert web.asked == []
