"""Tools that read the git history of the work tree; none of them changes anything."""

from __future__ import annotations

from pydantic import Field

from tools.context import ToolContext, needed
from tools.declaring import AgentTool, Arguments

MOST_COMMITS = 200
_WHICH = "A commit: HEAD, HEAD~2, the beginning of an id, or a branch."


class GitLog(Arguments):
    """Arguments of git_log."""

    revision: str = Field(default="HEAD", max_length=255, description=_WHICH)
    path: str = Field(default="", max_length=1_000, description="Only commits that touch this file or folder; all if empty.")
    count: int = Field(default=20, ge=1, le=MOST_COMMITS, description="How many commits to return.")


class GitShow(Arguments):
    """Arguments of git_show."""

    revision: str = Field(default="HEAD", max_length=255, description=_WHICH)
    path: str = Field(default="", max_length=1_000, description="Return this file as it was there; the commit and its changes if empty.")


class GitDiff(Arguments):
    """Arguments of git_diff."""

    old: str = Field(default="HEAD", max_length=255, description=f"What to compare from. {_WHICH}")
    new: str = Field(default="", max_length=255, description="What to compare to, also a commit; the files as they are now if empty.")
    path: str = Field(default="", max_length=1_000, description="Only this file or folder; all if empty.")


class GitBlame(Arguments):
    """Arguments of git_blame."""

    path: str = Field(min_length=1, max_length=1_000, description="A file, relative to the root of the work tree.")
    revision: str = Field(default="HEAD", max_length=255, description=_WHICH)
    first: int = Field(default=1, ge=1, description="The first line, counted from 1.")
    last: int = Field(default=200, ge=1, description="The last line.")


async def git_log(context: ToolContext, arguments: GitLog) -> str:
    """Return the newest commits, one in each line."""
    said = await needed(context.history, "git history").log(**arguments.model_dump())
    return said or "there is no such commit"


async def git_show(context: ToolContext, arguments: GitShow) -> str:
    """Return a commit with its changes, or a file as it was there."""
    return await needed(context.history, "git history").show(**arguments.model_dump()) or "the file is empty there"


async def git_diff(context: ToolContext, arguments: GitDiff) -> str:
    """Return what differs."""
    return await needed(context.history, "git history").diff(**arguments.model_dump()) or "nothing differs"


async def git_blame(context: ToolContext, arguments: GitBlame) -> str:
    """Return lines with who changed them last."""
    return await needed(context.history, "git history").blame(**arguments.model_dump()) or "the file is empty there"


GIT_LOG = AgentTool(
    name="git_log",
    description="List the newest commits: id, date, author, subject. With a path, those that touched it.",
    permission="read",
    arguments=GitLog,
    run=git_log,
    category="version_control",
)
GIT_SHOW = AgentTool(
    name="git_show",
    description="Show a commit with its message and changes, or a file as it was at a commit.",
    permission="read",
    arguments=GitShow,
    run=git_show,
    category="version_control",
)
GIT_DIFF = AgentTool(
    name="git_diff",
    description="Show what differs between two commits, or between a commit and the files as they are now.",
    permission="read",
    arguments=GitDiff,
    run=git_diff,
    category="version_control",
)
GIT_BLAME = AgentTool(
    name="git_blame",
    description="Show who changed each line of a file last, and in which commit.",
    permission="read",
    arguments=GitBlame,
    run=git_blame,
    category="version_control",
)
