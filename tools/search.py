"""Tools that find files and text in the work tree."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from safety.paths import as_regex, matches
from tools.context import in_tree
from tools.declaring import AgentTool, Arguments
from tools.files import LARGEST
from tools.output import CAP, capped
from tools.processes import run_process
from tools.workspace import ToolProblem, Workspace

MOST_FILES = 2_000
MOST_HITS = 300
PROGRAM = Path(__file__).with_name("line_search.py")

_NOT_LISTED = frozenset({".git", "node_modules", "__pycache__", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
"""Folders of tools, large and never what is looked for; a glob that names one sees into it."""


class ListFiles(Arguments):
    """Arguments of list_files."""

    glob: str = Field(default="**", max_length=300, description="Which files, relative to the root: `src/**`, `*.md`, `**/test_*.py`.")


class Search(Arguments):
    """Arguments of search."""

    pattern: str = Field(min_length=1, max_length=1_000, description="A regular expression of Python, looked for in each line.")
    glob: str = Field(default="**", max_length=300, description="Which files to look in.")


async def list_files(workspace: Workspace, arguments: ListFiles) -> str:
    """Return the paths of files, sorted, with their sizes."""
    return await asyncio.to_thread(_list, workspace, arguments)


async def search(workspace: Workspace, arguments: Search) -> str:
    """Return the lines that match, as path:line:text."""
    try:
        re.compile(arguments.pattern)
    except re.error as exc:
        raise ToolProblem(f"{arguments.pattern!r} is not a regular expression: {exc}") from exc
    hidden = "/".join(_hidden(arguments.glob))
    found = await run_process(
        [sys.executable, "-I", str(PROGRAM), arguments.pattern, as_regex(arguments.glob), hidden, str(MOST_HITS), str(LARGEST)],
        cwd=workspace.tree,
        env={},
        timeout_s=workspace.search_seconds,
        output_cap=CAP,
    )
    if found.timed_out:
        return f"{found.output}\n[stopped after {workspace.search_seconds:g} s; simplify the pattern or narrow the glob]".lstrip()
    if found.exit_code != 0:
        raise ToolProblem(f"the search failed: {found.output[-500:]}")
    return found.output.rstrip() or f"no line matches {arguments.pattern!r}"


def _list(workspace: Workspace, arguments: ListFiles) -> str:
    found: list[str] = []
    total, until = 0, time.monotonic() + workspace.search_seconds
    for relative, path in _files(workspace.tree, arguments.glob, until):
        total += 1
        if len(found) < MOST_FILES:
            found.append(f"{relative}\t{path.lstat().st_size}")
    if not found:
        return f"no file matches {arguments.glob!r}"
    more = f"\n[{total - len(found)} more files; narrow the glob]" if total > len(found) else ""
    return capped("\n".join(found)) + more


def _files(tree: Path, glob: str, until: float) -> Iterator[tuple[str, Path]]:
    """Walk the tree in sorted order; symbolic links are listed, never followed. A thread cannot be ended, so it ends itself."""
    hidden = _hidden(glob)
    for folder, folders, files in os.walk(tree):
        if time.monotonic() > until:
            raise ToolProblem("there are too many folders to look through: name one in the glob's beginning, or use a command")
        folders[:] = sorted(name for name in folders if name not in hidden)
        for name in sorted(files):
            path = Path(folder, name)
            relative = path.relative_to(tree).as_posix()
            if name != ".git" and matches(relative, (glob,)):
                yield relative, path


def _hidden(glob: str) -> frozenset[str]:
    return _NOT_LISTED - set(glob.split("/")) | {".git"}


LIST_FILES = AgentTool(
    name="list_files",
    description="List files of the work tree with their sizes in bytes.",
    permission="read",
    arguments=ListFiles,
    run=in_tree(list_files),
    category="files",
)
SEARCH = AgentTool(
    name="search",
    description="Find lines by a regular expression in the files of the work tree.",
    permission="read",
    arguments=Search,
    run=in_tree(search),
    category="files",
)
