"""Tools that read and write files of the work tree."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from tools.context import in_tree
from tools.declaring import AgentTool, Arguments
from tools.output import CAP, capped
from tools.workspace import ToolProblem, Workspace

LINES = 2_000
"""Lines of a file that one call returns, if not told otherwise."""

LARGEST = 10_000_000
"""Bytes of the largest file that is read whole or edited."""

LONGEST_LINE = 2_000
READ_AT_ONCE = 65_536

MOST_CHARACTERS = 2_000_000
"""The most that one call may write."""


class ReadFile(Arguments):
    """Arguments of read_file."""

    path: str = Field(description="Relative to the root of the work tree.")
    offset: int = Field(default=1, ge=1, description="The first line to return, counted from 1.")
    limit: int = Field(default=LINES, ge=1, le=10_000, description="How many lines to return.")


class WriteFile(Arguments):
    """Arguments of write_file."""

    path: str = Field(description="Relative to the root of the work tree; folders that are missing are made.")
    content: str = Field(max_length=MOST_CHARACTERS, description="The whole new content of the file.")


class EditFile(Arguments):
    """Arguments of edit_file."""

    path: str = Field(description="Relative to the root of the work tree.")
    old: str = Field(min_length=1, max_length=MOST_CHARACTERS, description="The text to replace, exactly as it stands in the file.")
    new: str = Field(max_length=MOST_CHARACTERS, description="What stands there afterwards.")
    replace_all: bool = Field(default=False, description="Replace every place; otherwise `old` must stand in the file exactly once.")


async def read_file(workspace: Workspace, arguments: ReadFile) -> str:
    """Return lines of a file, numbered, or what it is where it is not text."""
    return await asyncio.to_thread(_read, workspace, arguments)


async def write_file(workspace: Workspace, arguments: WriteFile) -> str:
    """Write a whole file."""
    return await asyncio.to_thread(_write, workspace, arguments)


async def edit_file(workspace: Workspace, arguments: EditFile) -> str:
    """Replace a piece of text in a file."""
    return await asyncio.to_thread(_edit, workspace, arguments)


def _read(workspace: Workspace, arguments: ReadFile) -> str:
    path = _existing(workspace.readable(arguments.path), arguments.path)
    size, until = path.stat().st_size, time.monotonic() + workspace.search_seconds
    with path.open("rb") as file:
        if b"\0" in file.read(8_192):
            return f"{arguments.path} is a binary file of {size} bytes: it cannot be shown as text"
        file.seek(0)
        shown: list[str] = []
        total, room = 0, CAP
        for total, raw in enumerate(_lines(file, until), start=1):
            if total < arguments.offset:
                continue
            if len(shown) >= arguments.limit or room <= 0:
                if size > LARGEST:
                    break  # counting the rest would take long
                continue
            line = f"{total}\t{capped(raw.decode(errors='replace').rstrip(chr(10)), LONGEST_LINE)}"
            room -= len(line) + 1
            shown.append(line)
    if not shown:
        return f"{arguments.path} has {total} lines, so there is nothing from line {arguments.offset} on"
    last = arguments.offset + len(shown) - 1
    of = "more" if size > LARGEST else total
    more = f"\n[lines {arguments.offset} to {last} of {of}; go on with offset={last + 1}]" if last < total else ""
    return "\n".join(shown) + more


def _lines(file: BinaryIO, until: float) -> Iterator[bytes]:
    """Yield the lines of a file, each cut to a length that fits in memory; a thread cannot be ended, so it ends itself."""
    while raw := _piece(file, until):
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = _piece(file, until)
        yield raw


def _piece(file: BinaryIO, until: float) -> bytes:
    if time.monotonic() > until:
        raise ToolProblem("the file is too large to be read so far: look at a part of it with a command")
    return file.readline(READ_AT_ONCE)


def _write(workspace: Workspace, arguments: WriteFile) -> str:
    path = workspace.writable(arguments.path)
    if path.is_dir():
        raise ToolProblem(f"{arguments.path} is a folder: give the path of a file in it")
    existed = path.exists()
    _replace(path, arguments.content.encode(errors="surrogateescape"))
    lines = len(arguments.content.splitlines())
    return f"{'replaced' if existed else 'wrote'} {arguments.path}: {lines} lines, {len(arguments.content)} characters"


def _edit(workspace: Workspace, arguments: EditFile) -> str:
    path = _existing(workspace.writable(arguments.path), arguments.path)
    if path.stat().st_size > LARGEST:
        raise ToolProblem(f"{arguments.path} is larger than {LARGEST} bytes: change it with a command")
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as exc:
        raise ToolProblem(f"{arguments.path} is not UTF-8 text, so it cannot be edited: replace it whole, or use a command") from exc
    found = text.count(arguments.old)
    if found == 0:
        raise ToolProblem(f"the text to replace does not stand in {arguments.path}: read the file again, and copy it exactly")
    if found > 1 and not arguments.replace_all:
        raise ToolProblem(f"the text to replace stands {found} times in {arguments.path}: give more of its surroundings, or replace_all")
    _replace(path, text.replace(arguments.old, arguments.new).encode())
    return f"edited {arguments.path}: {found} {'place' if found == 1 else 'places'}"


def _existing(path: Path, asked: str) -> Path:
    if path.is_dir():
        raise ToolProblem(f"{asked} is a folder: use list_files to see what is in it")
    if not path.is_file():
        raise ToolProblem(f"there is no file {asked}: use list_files to see which there are")
    return path


def _replace(path: Path, content: bytes) -> None:
    """Put the new content in place in one step, so that no moment sees half of it; the mode of the file stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".genie-", delete=False) as file:
            scratch = Path(file.name)
            try:
                file.write(content)
                file.flush()
                scratch.chmod(mode)
                os.replace(scratch, path)  # noqa: PTH105  (Path.replace does the same; both names are known by this one)
            except OSError:
                scratch.unlink(missing_ok=True)
                raise
    except (OSError, UnicodeEncodeError) as exc:
        raise ToolProblem(f"{path.name} could not be written: {exc}") from exc


READ_FILE = AgentTool(
    name="read_file",
    description="Read a text file of the work tree. Lines come numbered; long files come in parts.",
    permission="read",
    arguments=ReadFile,
    run=in_tree(read_file),
    category="files",
)
WRITE_FILE = AgentTool(
    name="write_file",
    description="Write a file of the work tree, new or whole.",
    permission="write",
    arguments=WriteFile,
    run=in_tree(write_file),
    category="files",
    side_effect="tree",
)
EDIT_FILE = AgentTool(
    name="edit_file",
    description="Replace a piece of text in a file of the work tree.",
    permission="write",
    arguments=EditFile,
    run=in_tree(edit_file),
    category="files",
    side_effect="tree",
)
