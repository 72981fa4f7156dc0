"""The page on tools says what is so: its table is that of the registry, and its example is a tool that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tools.builtin import builtin_tools
from tools.context import ToolContext
from tools.registry import ToolRegistry

PAGE = (Path(__file__).parents[3] / "docs/tools.md").read_text()


def test_the_table_is_that_of_the_registry():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]

    assert rows == [
        f"| `{tool.name}` | {tool.category} | {tool.permission} | {tool.side_effect} | {tool.idempotency} | {tool.description} |"
        for tool in builtin_tools().tools
    ]


async def test_the_example_is_a_tool_that_works(tmp_path):
    code = tmp_path / "example.py"
    code.write_text(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0])
    names: dict[str, Any] = {}
    exec(compile(code.read_text(), str(code), "exec"), names)  # our own page

    registry = ToolRegistry((names["TOSS"],))

    assert await registry.call("toss", {"times": 2}, context=ToolContext(), allowed=("toss",)) == "heads heads"
