"""A row of the audit is the last deed of its transaction: its lock is held until the end, and whoever took another one after it could be
waited for in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path for folder in ("db", "engine") for path in (ROOT / folder).rglob("*.py") if "audited(" in path.read_text(encoding="utf-8")
)


def functions(tree: ast.Module) -> Iterator[ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))


def calls(function: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(function) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """`audited` of `audited(…)`, `execute` of `connection.execute(…)`."""
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def follows(function: ast.AST) -> list[str]:
    """What is done with a connection behind the first row of the audit, by the place in the text."""
    rows = [call for call in calls(function) if name_of(call) == "audited"]
    if not rows:
        return []
    first = min(call.lineno for call in rows)
    last = max(call.end_lineno or 0 for call in rows)
    return [
        f"line {call.lineno}: {ast.unparse(call)[:80]}"
        for call in calls(function)
        if call.lineno > first and not first <= call.lineno <= last and "connection" in ast.unparse(call)
    ]


def test_there_are_deeds_that_are_audited():
    assert len(SOURCES) > 5


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_is_written_behind_the_row_of_the_audit(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [found for function in functions(tree) for found in follows(function)] == []
