"""The tools that read the time machine: the moments of an epic, one of them, what changed, two epics side by side."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from api.mcp.door import Call
from api.mcp.tool import EpicId, Listed, McpTool, Reading, asks
from api.schemas import LARGEST_INT, Number

Place = Annotated[int, Field(ge=0, le=LARGEST_INT, strict=True)]


class ShowHistory(Listed):
    """Whose history."""

    epic: EpicId


class ShowMoment(Reading):
    """Which moment."""

    epic: EpicId
    moment: Number


class ShowDiff(Reading):
    """Between which moments."""

    epic: EpicId
    begin: Place | None = Field(default=None, description="A moment; 0, or left out: where the epic began.")
    end: Place | None = Field(default=None, description="A moment; left out: the newest.")


class CompareEpics(Reading):
    """Which two."""

    epic: EpicId
    other: EpicId
    diff: bool = Field(default=False, strict=True, description="Whether the text of what differs is wanted too.")


def _compared(given: CompareEpics) -> Call:
    query = {"with": given.other, "diff": "true" if given.diff else None}
    return Call(method="GET", path=f"/epics/{given.epic}/compare", query=query)


HISTORY_TOOLS: Final = (
    McpTool(
        name="show_history",
        title="Show an epic's history",
        description="List the moments of an epic, one for each finished step, in rising order: step, outcome, commit, cost.",
        arguments=ShowHistory,
        work=asks(
            lambda given: Call(method="GET", path=f"/epics/{given.epic}/moments", query={"limit": given.limit, "cursor": given.cursor})
        ),
        reads=True,
    ),
    McpTool(
        name="show_moment",
        title="Show a moment",
        description="Show one moment: the state, what was asked and decided, the attempt, the files, and what became of it.",
        arguments=ShowMoment,
        work=asks(lambda given: Call(method="GET", path=f"/epics/{given.epic}/moments/{given.moment}")),
        reads=True,
    ),
    McpTool(
        name="show_diff",
        title="Show what changed",
        description="Show what changed between two moments of an epic; without any, all that it has changed so far.",
        arguments=ShowDiff,
        work=asks(lambda given: Call(method="GET", path=f"/epics/{given.epic}/diff", query={"from": given.begin, "to": given.end})),
        reads=True,
    ),
    McpTool(
        name="compare_epics",
        title="Compare two epics",
        description="Show two epics of one repository side by side: what each did since they parted, and what came of it.",
        arguments=CompareEpics,
        work=asks(_compared),
        reads=True,
    ),
)
