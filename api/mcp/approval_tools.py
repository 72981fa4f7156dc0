"""The tools about approvals: what waits for a person, what it is about, and the one decision on each."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from api.mcp.door import Call, Door
from api.mcp.tool import Arguments, EpicId, Listed, McpTool, Name, Reading, Tell, asks
from api.schemas import Dollars, Number, Text
from epics.approvals import ApprovalStatus, Choice

ApprovalId = Annotated[Name, Field(description="The id of an approval, or of an epic that waits; an unambiguous beginning is enough.")]


class ListApprovals(Listed):
    """Which approvals."""

    status: ApprovalStatus | None = Field(default=ApprovalStatus.PENDING, description="null for all.")
    epic: EpicId | None = None
    mine: bool = Field(default=False, strict=True, description="Only those that wait for you.")


class ShowApproval(Reading):
    """Which approval."""

    approval: ApprovalId


class DecideApproval(Arguments):
    """What is decided, and about what."""

    approval: ApprovalId
    decision: Choice
    content_hash: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="As show_approval gave it, of what was looked at; if that has changed since, the decision is refused as superseded."
    )
    comment: Annotated[Text, Field(max_length=20_000, description="What the next agent reads, word for word.")] = ""
    to: Number | None = Field(default=None, description="The moment that a rollback goes to.")
    amount_usd: Dollars | None = Field(default=None, description="By how much a raise lifts the limit.")


async def approval_whole(door: Door, approval: str) -> dict[str, Any]:
    """An approval, and all that the person who decides needs to see."""
    return {
        "approval": await door.ask(Call(method="GET", path=f"/approvals/{approval}")),
        "content": await door.ask(Call(method="GET", path=f"/approvals/{approval}/content")),
    }


async def _shown(door: Door, given: ShowApproval, _tell: Tell) -> Any:
    return await approval_whole(door, given.approval)


def _listed(given: ListApprovals) -> Call:
    query = {"status": given.status, "epic": given.epic, "limit": given.limit, "cursor": given.cursor}
    return Call(method="GET", path="/approvals", query={**query, "mine": "true" if given.mine else None})


def _decided(given: DecideApproval) -> Call:
    body = given.model_dump(mode="json", exclude={"approval"}, exclude_none=True)
    return Call(method="POST", path=f"/approvals/{given.approval}/decision", body=body)


APPROVAL_TOOLS: Final = (
    McpTool(
        name="list_approvals",
        title="List approvals",
        description="List what waits for a person's decision, the newest first; with another status, what was decided.",
        arguments=ListApprovals,
        work=asks(_listed),
        reads=True,
    ),
    McpTool(
        name="show_approval",
        title="Show an approval",
        description="Show an approval with its content_hash, the decisions that it takes (`options`), and all that the person who decides "
        "needs to see: plan and design, diff and test report, failure or limit.",
        arguments=ShowApproval,
        work=_shown,
        reads=True,
    ),
    McpTool(
        name="decide_approval",
        title="Decide an approval",
        description="Decide in the name of the person whose key this is, and only when that person has said so. The first decision counts; "
        "a later one is told who decided what, and when.",
        arguments=DecideApproval,
        work=asks(_decided),
        destroys=True,
        reaches_out=True,
    ),
)
