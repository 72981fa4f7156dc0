"""The tools about epics: start, list, show, speak to, resume, cancel."""

from __future__ import annotations

from typing import Final

from api.mcp.door import Call
from api.mcp.tool import Arguments, EpicId, IdempotencyKey, Listed, McpTool, Reading, Repo, asks
from api.schemas import CancelBody, EpicCreate, ResumeBody, SayBody, StatusName


class StartEpic(Arguments, EpicCreate):
    """What to start."""

    idempotency_key: IdempotencyKey | None = None


class ListEpics(Listed):
    """Which epics."""

    status: StatusName | None = None
    repo: Repo | None = None


class ShowEpic(Reading):
    """Which epic."""

    epic: EpicId


class SayToEpic(Arguments, SayBody):
    """To which epic, and what."""

    epic: EpicId


class ResumeEpic(Arguments, ResumeBody):
    """Which epic, and how it goes on."""

    epic: EpicId


class CancelEpic(Arguments, CancelBody):
    """Which epic, and why."""

    epic: EpicId


def _started(given: StartEpic) -> Call:
    body = given.model_dump(mode="json", exclude={"idempotency_key"}, exclude_none=True)
    return Call(method="POST", path="/epics", body=body, key=given.idempotency_key)


def _listed(given: ListEpics) -> Call:
    query = {"status": given.status, "repo": given.repo, "limit": given.limit, "cursor": given.cursor}
    return Call(method="GET", path="/epics", query=query)


def _resumed(given: ResumeEpic) -> Call:
    return Call(method="POST", path=f"/epics/{given.epic}/resume", body={"auto_approve": given.auto_approve})


EPIC_TOOLS: Final = (
    McpTool(
        name="start_epic",
        title="Start an epic",
        description="Give Genie a goal and a git repository: agents plan, build, test, review and document it, and people decide at gates "
        "before anything is built and before it is merged. Returns the epic, queued; follow it with watch_epic. Give an idempotency_key "
        "where the call may be repeated.",
        arguments=StartEpic,
        work=asks(_started),
        reaches_out=True,
    ),
    McpTool(
        name="list_epics",
        title="List epics",
        description="List epics, the newest first. `next` is the cursor of the following page.",
        arguments=ListEpics,
        work=asks(_listed),
        reads=True,
    ),
    McpTool(
        name="show_epic",
        title="Show an epic",
        description="Show how an epic stands: status, step, cost, and in `waiting_on` the approval that it waits for.",
        arguments=ShowEpic,
        work=asks(lambda given: Call(method="GET", path=f"/epics/{given.epic}")),
        reads=True,
    ),
    McpTool(
        name="say_to_epic",
        title="Say something to an epic's agent",
        description="Say something to the agent that works on an epic: it reads it, word for word, with its next call.",
        arguments=SayToEpic,
        work=asks(lambda given: Call(method="POST", path=f"/epics/{given.epic}/say", body={"text": given.text})),
    ),
    McpTool(
        name="resume_epic",
        title="Resume an epic",
        description="Make a paused epic runnable again; workers carry it on. It answers no gate: that is decide_approval.",
        arguments=ResumeEpic,
        work=asks(_resumed),
        repeats=True,
        reaches_out=True,
    ),
    McpTool(
        name="cancel_epic",
        title="Cancel an epic",
        description="End an epic for good; its branches and moments stay.",
        arguments=CancelEpic,
        work=asks(lambda given: Call(method="POST", path=f"/epics/{given.epic}/cancel", body={"reason": given.reason})),
        destroys=True,
        repeats=True,
    ),
)
