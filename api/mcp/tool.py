"""What a tool of Genie's MCP server is: a name, what it takes, and the operation of the API that it asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from api.mcp.door import Call, Door
from api.schemas import Body, Text

MOST_ITEMS: Final = 100


class Arguments(Body):
    """The base of what tools take: unknown arguments are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Reading(Arguments):
    """The base of what tools take that only read: long answers are given in parts."""

    offset: Annotated[int, Field(ge=0, le=100_000_000, strict=True)] = Field(
        default=0, description="Where to go on in an answer that was cut; the end of the part before says it."
    )


class Listed(Reading):
    """The base of what tools take that give lists."""

    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS, strict=True)] = Field(default=20, description="How many at most.")
    cursor: Annotated[Text, Field(max_length=200)] | None = Field(default=None, description="What `next` of an earlier page said.")


# Of the characters that ids and names have: nothing else may come into the path of a request.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
EpicId = Annotated[Name, Field(description="The id of an epic; an unambiguous beginning is enough.")]
Repo = Annotated[Text, Field(min_length=1, max_length=4_096, description="A git URL, or an absolute path on the server.")]
IdempotencyKey = Annotated[
    str,
    Field(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Names this request: repeated within 24 hours, it is given the first answer again and nothing is started twice.",
    ),
]

Tell = Callable[[float, str], Awaitable[None]]
"""Tells who waits how far it is."""


@dataclass(frozen=True, kw_only=True)
class McpTool:
    """A tool, and what clients may believe of it."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    work: Callable[[Door, Any, Tell], Awaitable[Any]]
    """Does it, through the door, and returns what is answered as JSON."""
    reads: bool = False
    """Whether it changes nothing."""
    destroys: bool = False
    """Whether it ends or settles something that cannot be taken back."""
    repeats: bool = False
    """Whether doing it again with the same arguments changes nothing more."""
    reaches_out: bool = False
    """Whether it sets agents to work, who reach things beyond Genie."""


def asks(operation: Callable[[Any], Call]) -> Callable[[Door, Any, Tell], Awaitable[Any]]:
    """The work of a tool that is one operation of the API, given its arguments."""

    async def work(door: Door, given: Any, _tell: Tell) -> Any:
        return await door.ask(operation(given))

    return work
