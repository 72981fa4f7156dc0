"""The tools about what past work on a repository taught."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from api.mcp.door import Call
from api.mcp.tool import Arguments, McpTool, Reading, Repo, asks
from api.schemas import Text
from epics.knowledge import ALL_GROUPS, Group

_TITLE: Final = 80


class SearchMemory(Reading):
    """What is looked for, and where."""

    repo: Repo
    query: Annotated[Text, Field(min_length=1, max_length=8_000, description="Words, a sentence or a question.")]
    groups: Annotated[tuple[Group, ...], Field(max_length=len(ALL_GROUPS), description="Only of these; of all, if empty.")] = ()
    around: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The name of an entity: facts near it are found too."
    )
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 10


class Remember(Arguments):
    """What is worth knowing, of which repository."""

    repo: Repo
    text: Annotated[Text, Field(min_length=1, max_length=100_000, description="Complete in itself.")]
    title: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(default=None, description="Default: how the text begins.")
    group: Group = Group.CONTEXT


def _searched(given: SearchMemory) -> Call:
    query = {"repo": given.repo, "q": given.query, "group": list(given.groups) or None, "around": given.around, "limit": given.limit}
    return Call(method="GET", path="/knowledge/search", query=query)


def _told(given: Remember) -> Call:
    title = given.title or " ".join(given.text.split())[:_TITLE] or "untitled"
    body = {"repo": given.repo, "text": given.text, "title": title, "group": given.group}
    return Call(method="POST", path="/knowledge/episodes", body=body)


KNOWLEDGE_TOOLS: Final = (
    McpTool(
        name="search_memory",
        title="Search what is known",
        description="Search what past epics and runs on a repository taught: failures and their causes, what worked, decisions, "
        "procedures, what people said; the best first.",
        arguments=SearchMemory,
        work=asks(_searched),
        reads=True,
    ),
    McpTool(
        name="remember",
        title="Remember something",
        description="Tell something about a repository that later epics on it should know, in the name of the person whose key this is. "
        "The same text again is remembered once.",
        arguments=Remember,
        work=asks(_told),
        repeats=True,
    ),
)
