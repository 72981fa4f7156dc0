"""Tools are known by one name each, and a workflow's list holds when they are called."""

from __future__ import annotations

import pytest

from epics.errors import InvalidInput
from tools.builtin import builtin_tools
from tools.context import ToolContext
from tools.files import READ_FILE
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem, Workspace


def test_the_six_tools_say_what_they_do_to_the_tree():
    registry = builtin_tools()

    permissions = {name: registry.get(name).permission for name in registry.names}

    assert permissions == {
        "read_file": "read",
        "list_files": "read",
        "search": "read",
        "write_file": "write",
        "edit_file": "write",
        "run_command": "execute",
    }


def test_every_tool_describes_itself_and_every_argument():
    for tool in builtin_tools().select(builtin_tools().names):
        assert tool.description.endswith(".")
        assert all("description" in argument for argument in tool.schema()["properties"].values())


def test_a_name_is_taken_once():
    with pytest.raises(InvalidInput, match="two tools named 'read_file'"):
        ToolRegistry((READ_FILE, READ_FILE))


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="known are edit_file, list_files"):
        builtin_tools().select(("read_file", "teleport"))


async def test_a_tool_that_the_workflow_does_not_list_is_not_called(tmp_path):
    context = ToolContext(workspace=Workspace(tree=tmp_path))

    with pytest.raises(ToolProblem, match="not yours to use"):
        await builtin_tools().call("write_file", {"path": "a", "content": "b"}, context=context, allowed=("read_file",))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{}, {"path": 1}, {"path": "a", "colour": "red"}, {"path": "a", "offset": 0}])
async def test_arguments_that_do_not_fit_are_told_to_the_model(tmp_path, given):
    with pytest.raises(ToolProblem, match="read_file was called with arguments that do not fit"):
        await READ_FILE.call(ToolContext(workspace=Workspace(tree=tmp_path)), given)
