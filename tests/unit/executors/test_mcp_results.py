"""What a tool of an MCP server has said, however badly it is made."""

from __future__ import annotations

import sys

import pytest

from epics.agent_errors import McpServerBroken
from executors.mcp.results import said_in
from executors.mcp.wire import CallRefused, result_of


def nested():
    value = []
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    return value


@pytest.mark.parametrize(
    "result",
    [{"content": [{"type": "text", "text": nested()}]}, {"content": [], "structuredContent": nested()}],
    ids=["text", "structured"],
)
def test_what_is_nested_too_deeply_is_no_result(result):
    with pytest.raises(McpServerBroken, match="nested too deeply"):
        said_in(result)


def test_an_error_whose_message_is_no_text_is_told_without_it():
    with pytest.raises(CallRefused, match="error -1"):
        result_of({"error": {"code": -1, "message": nested()}})
