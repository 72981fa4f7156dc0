"""What a tool call may reach: a work tree, and ports to history, knowledge, tasks, people and the web; what is None is not to be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, Protocol, TypeVar

from epics.knowledge import Found, Group
from tools.workspace import ToolProblem, Workspace

PortT = TypeVar("PortT")


class Remembers(Protocol):
    """What is known of one project."""

    async def search(self, text: str, groups: tuple[Group, ...], limit: int) -> tuple[Found, ...]:
        """Look for facts; nothing is found where knowledge cannot be reached."""
        ...

    async def remember(self, key: str, text: str, *, group: Group, title: str) -> None:
        """Keep something, once by its key."""
        ...


class ReadsHistory(Protocol):
    """The git history of the work tree's repository, read only. Each method raises ToolProblem for what git does not know."""

    async def log(self, *, revision: str, path: str, count: int) -> str:
        """The newest commits."""
        ...

    async def show(self, *, revision: str, path: str) -> str:
        """A commit with its changes, or a file as it was there."""
        ...

    async def diff(self, *, old: str, new: str, path: str) -> str:
        """What differs between two commits, or between one and the work tree."""
        ...

    async def blame(self, *, path: str, revision: str, first: int, last: int) -> str:
        """Who changed each line of a file last."""
        ...


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a URL answered."""

    url: str
    """Where it was found at last."""
    status: int
    kind: str
    """Its media type, such as text/html."""
    text: str
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result of a search in the web."""

    title: str
    url: str
    excerpt: str


class ReachesWeb(Protocol):
    """The web, as far as the workflow may reach it. Each method raises ToolProblem, saying why not."""

    async def fetch(self, url: str) -> Page:
        """Get a page; redirects are followed while they lead where the workflow may go."""
        ...

    async def search(self, text: str, limit: int) -> tuple[Hit, ...]:
        """Ask the configured search engine."""
        ...


class TellsPeople(Protocol):
    """The people of an epic or a run."""

    async def tell(self, key: str, text: str) -> bool:
        """Show them a note, once by its key; False if it was shown before."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to do, on the list that all agents of an epic, run or session share."""

    n: int
    text: str
    state: Literal["open", "done", "dropped"]
    note: str = ""
    """What came of it."""


class KeepsTasks(Protocol):
    """The task list of an epic, run or session."""

    async def tasks(self) -> tuple[Task, ...]:
        """All of them, in the order in which they were added."""
        ...

    async def add(self, key: str, text: str) -> Task:
        """Add one, once by its key.

        Raises:
            ToolProblem: if the list is full.
        """
        ...

    async def end(self, n: int, state: Literal["done", "dropped"], note: str) -> Task:
        """End one; ending it again changes its state and its note.

        Raises:
            ToolProblem: if there is no such task.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """Everything that one tool call may reach; nothing else reaches a tool."""

    workspace: Workspace | None = None
    history: ReadsHistory | None = None
    knowledge: Remembers | None = None
    tasks: KeepsTasks | None = None
    people: TellsPeople | None = None
    web: ReachesWeb | None = None
    call_id: str = ""
    """Names the call for ever, also when it is made again after a crash: `<epic>/<attempt>/<turn>/<call>`."""
    session: str | None = None
    """The conversation that the run belongs to."""


def in_tree(run: Callable[[Workspace, Any], Awaitable[str]]) -> Callable[[ToolContext, Any], Awaitable[str]]:
    """Make a tool of something that needs only the work tree."""

    @wraps(run)
    async def in_its_tree(context: ToolContext, arguments: Any) -> str:
        return await run(needed(context.workspace, "work tree"), arguments)

    return in_its_tree


def needed(port: PortT | None, what: str) -> PortT:
    """Return the port that a tool cannot work without.

    Raises:
        ToolProblem: if the run does not have it.
    """
    if port is None:
        raise ToolProblem(f"this run has no {what}: go on without")
    return port
