"""What MCP clients read as resources: epics, their moments and changes, approvals."""

from __future__ import annotations

import re
from typing import Any, Final

from mcp.types import Resource, ResourceTemplate

from api.mcp.approval_tools import approval_whole
from api.mcp.door import Call, Door
from epics.errors import InvalidInput

MIME: Final = "application/json"

_NEWEST: Final = 20
_ID: Final = r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})"
_N: Final = r"([0-9]{1,9})"
_EPIC: Final = re.compile(rf"genie://epics/{_ID}")
_MOMENT: Final = re.compile(rf"genie://epics/{_ID}/moments/{_N}")
_DIFF: Final = re.compile(rf"genie://epics/{_ID}/diff(?:/{_N}/{_N})?")
_APPROVAL: Final = re.compile(rf"genie://approvals/{_ID}")

TEMPLATES: Final = tuple(
    ResourceTemplate(uri_template=uri, name=name, description=description, mime_type=MIME)
    for uri, name, description in (
        ("genie://epics/{id}", "epic", "How an epic stands."),
        ("genie://epics/{id}/moments/{n}", "moment", "One moment of an epic: state, decision, attempt, files."),
        ("genie://epics/{id}/diff", "changes", "All that an epic has changed so far."),
        ("genie://epics/{id}/diff/{from}/{to}", "diff", "What changed between two moments of an epic."),
        ("genie://approvals/{id}", "approval", "An approval, and all that the person who decides needs to see."),
    )
)


async def newest(door: Door) -> list[Resource]:
    """The approvals that wait, and the newest epics."""
    waiting = await door.ask(Call(method="GET", path="/approvals", query={"status": "pending", "limit": _NEWEST}))
    epics = await door.ask(Call(method="GET", path="/epics", query={"limit": _NEWEST}))
    return [
        *(_approval(each) for each in waiting["items"]),
        *(_resource(f"genie://epics/{each['id']}", each["id"], f"{each['status']}: {each['goal']}") for each in epics["items"]),
    ]


async def read(door: Door, uri: str) -> Any:
    """What a resource says.

    Raises:
        InvalidInput: if no resource has such a URI.
        Refused: if there is none, or it is not for who asks.
    """
    if found := _EPIC.fullmatch(uri):
        return await door.ask(Call(method="GET", path=f"/epics/{found[1]}"))
    if found := _MOMENT.fullmatch(uri):
        return await door.ask(Call(method="GET", path=f"/epics/{found[1]}/moments/{found[2]}"))
    if found := _DIFF.fullmatch(uri):
        return await door.ask(Call(method="GET", path=f"/epics/{found[1]}/diff", query={"from": found[2], "to": found[3]}))
    if found := _APPROVAL.fullmatch(uri):
        return await approval_whole(door, found[1])
    raise InvalidInput(f"there is no resource {uri[:200]!r}; there are: {', '.join(each.uri_template for each in TEMPLATES)}")


def _approval(each: dict[str, Any]) -> Resource:
    return _resource(f"genie://approvals/{each['id']}", each["id"], f"{each['gate']} of {each['epic']}: {each['question']}")


def _resource(uri: str, name: str, description: str) -> Resource:
    return Resource(uri=uri, name=name, description=description[:200], mime_type=MIME)
