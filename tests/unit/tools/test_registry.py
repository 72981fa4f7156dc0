"""Tools are known by one name each, say of themselves what is so, and a list of allowed ones holds when they are called."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from typing import get_args

import pytest
from pydantic import Field

from agents.schema import ToolName
from epics.agent_errors import InvalidTool
from epics.errors import InvalidInput, LeaseLost, StoreUnavailable
from tools.builtin import builtin_tools
from tools.context import ToolContext
from tools.declaring import AgentTool, Arguments
from tools.files import READ_FILE
from tools.output import CAP
from tools.permitting import check_allowed, is_allowed
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem, Workspace


class Shouted(Arguments):
    text: str = Field(description="What to shout.")


async def shout(_context: ToolContext, arguments: Shouted) -> str:
    return arguments.text.upper()


SHOUT = AgentTool(name="shout", description="Shout.", permission="read", arguments=Shouted, run=shout)
HERE = f"{__file__}:{inspect.getsourcelines(shout)[1]}"


def failing(error: BaseException) -> AgentTool:
    async def fail(_context: ToolContext, _arguments: Shouted) -> str:
        raise error

    return dataclasses.replace(SHOUT, run=fail)


def test_workflows_may_list_each_tool_and_no_other():
    assert set(get_args(ToolName)) == set(builtin_tools().names)


def test_tools_that_may_have_changed_files_are_followed_by_a_snapshot():
    changing = {tool.name for tool in builtin_tools().select(builtin_tools().names) if tool.changes_files}

    assert changing == {"write_file", "edit_file", "run_command"}


def test_a_name_is_taken_once():
    with pytest.raises(InvalidTool, match=r"files.py:\d+: there are two tools named 'read_file', the other at .*files.py:\d+"):
        ToolRegistry((READ_FILE, READ_FILE))


@pytest.mark.parametrize(
    "change, why",
    [
        ({"name": "Shout Loud"}, "has no name of a tool"),
        ({"name": "mcp__git__log"}, "has no name of a tool"),
        ({"description": " "}, "does not say what it does"),
        ({"permission": "write"}, "has the permission 'write' and the side effect 'none', which do not go together"),
        ({"idempotency": "never"}, "leaves nothing behind, yet its idempotency is 'never'"),
        ({"seconds": 0.0}, "may take 0 s"),
        ({"run": lambda _context, _arguments: "now"}, "is not run by an async function"),
        ({"arguments": type("Loose", (Arguments,), {"model_config": {"extra": "allow"}})}, "takes arguments that it does not know"),
        (
            {"arguments": type("Strange", (Arguments,), {"__annotations__": {"what": Callable[[], int]}})},
            "has arguments that no JSON schema tells",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(change, why):
    with pytest.raises(InvalidTool, match=rf"test_registry.py:\d+: the tool '.*' {why}"):
        ToolRegistry((dataclasses.replace(SHOUT, **change),))


def test_the_place_is_that_of_the_function():
    with pytest.raises(InvalidTool) as refused:
        ToolRegistry((dataclasses.replace(SHOUT, description=""),))

    assert str(refused.value).startswith(f"{HERE}: the tool 'shout'")


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="known are read_file, shout"):
        ToolRegistry((READ_FILE, SHOUT)).select(("read_file", "teleport"))


async def test_a_tool_that_the_workflow_does_not_list_is_not_called(tmp_path):
    context = ToolContext(workspace=Workspace(tree=tmp_path))

    with pytest.raises(ToolProblem, match="not yours to use"):
        await builtin_tools().call("write_file", {"path": "a", "content": "b"}, context=context, allowed=("read_file",))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, listed, may",
    [
        ("mcp__git__log", ("read_file",), True),
        ("mcp__git__log", ("mcp__git__*",), True),
        ("mcp__git__push", ("mcp__git__log",), False),
        ("mcp__git__push", ("mcp__slack__*",), True),
        ("search", ("mcp__*", "*"), False),
    ],
)
def test_a_list_holds_for_tools_of_servers_too(name, listed, may):
    assert is_allowed(name, listed) is may


def test_a_tool_of_a_server_that_is_not_there_is_refused():
    with pytest.raises(ToolProblem, match="not yours to use: use one of mcp__git__log"):
        check_allowed("mcp__git__push", ("mcp__git__log",))


@pytest.mark.parametrize("given", [{}, {"path": 1}, {"path": "a", "colour": "red"}, {"path": "a", "offset": 0}])
async def test_arguments_that_do_not_fit_are_told_to_the_model(tmp_path, given):
    with pytest.raises(ToolProblem, match="read_file was called with arguments that do not fit"):
        await READ_FILE.call(ToolContext(workspace=Workspace(tree=tmp_path)), given)


@pytest.mark.parametrize(
    "kind, said", [(ZeroDivisionError, "ZeroDivisionError: with "), (SystemExit, "SystemExit: with "), (OSError, "with ")]
)
async def test_what_a_tool_raises_is_told_with_its_kind_and_without_secrets(kind, said):
    with pytest.raises(ToolProblem) as told:
        await failing(kind("with sk-ant-api03-" + "a" * 40)).call(ToolContext(), {"text": "x"})

    assert str(told.value).startswith(f"shout failed: {said}")
    assert "sk-ant" not in str(told.value)
    assert "Traceback" not in str(told.value)


@pytest.mark.parametrize("error", [LeaseLost("gone"), StoreUnavailable("away"), asyncio.CancelledError()])
async def test_what_ends_the_attempt_is_not_taken_for_a_tools_trouble(error):
    with pytest.raises(type(error)):
        await failing(error).call(ToolContext(), {"text": "x"})


async def test_a_tool_that_hangs_is_stopped_after_its_time():
    async def hang(_context: ToolContext, _arguments: Shouted) -> str:
        await asyncio.sleep(60)
        return "never"

    with pytest.raises(ToolProblem, match=r"shout failed: it took longer than its 0.05 s, so it was stopped"):
        await dataclasses.replace(SHOUT, run=hang, seconds=0.05).call(ToolContext(), {"text": "x"})


async def test_a_tool_that_says_too_much_is_cut_short():
    said = await SHOUT.call(ToolContext(), {"text": "x" * 10 * CAP})

    assert len(said) < CAP + 5_000
    assert "characters left out" in said
