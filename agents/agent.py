"""The agent that is written in Python: a folder with `agent.py`, in it one subclass of `Agent`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel

from agents.workflow import Limits
from epics.knowledge import Found, Group
from tools.declaring import AgentTool

OutputT = TypeVar("OutputT", bound=BaseModel)


class AgentRun(Protocol):
    """One run of an agent, and all that it may do with the world."""

    @property
    def id(self) -> str:
        """The id of the run."""
        ...

    @property
    def session(self) -> str | None:
        """The id of the conversation that the run belongs to, if it belongs to one."""
        ...

    @property
    def message(self) -> str:
        """What is asked."""
        ...

    @property
    def variables(self) -> Mapping[str, Any]:
        """What was given with it."""
        ...

    @property
    def prompt(self) -> str:
        """The agent's active prompt, filled in with the memories of this agent and session."""
        ...

    @property
    def tree(self) -> Path | None:
        """A work tree of the repository that the run was asked for on, the only place that it may change; None if for none."""
        ...

    async def ask(self, message: str | None = None) -> str:
        """Ask the model, in the session's conversation and with the agent's tools, and return its text; the run's message if none is given.

        What was answered before a crash is not asked again: the n-th call of a run returns what the n-th call returned. So what a run
        asks must follow from what it was given and from earlier answers alone.
        """
        ...

    async def ask_for(self, output: type[OutputT], message: str | None = None) -> OutputT:
        """As `ask`, for an answer of a type."""
        ...

    async def search(self, text: str, *, groups: Sequence[Group] = (), limit: int = 10) -> tuple[Found, ...]:
        """Look into what is known of the project; nothing is found where knowledge cannot be reached."""
        ...

    async def remember(self, text: str, *, group: Group = Group.CONTEXT) -> None:
        """Keep something for later runs and epics, in the background."""
        ...

    async def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event for people who watch."""
        ...


class Agent(ABC):
    """An agent of one's own: say what it is, and what it does with what it is asked.

    One object is made for each run. `cleanup` is called once whenever `prepare` was, on success, error and cancel.
    """

    description: ClassVar[str]
    """What it is for, in a sentence."""
    skills: ClassVar[tuple[str, ...]] = ()
    """What it can do, in words that a request for it would have."""
    prompt: ClassVar[str]
    """What the model is told before anything else: the first version of its prompt, with `{{variables}}` from memories."""
    variables: ClassVar[Mapping[str, str]] = {}
    """Values for variables of the prompt that no memory gives."""
    tools: ClassVar[tuple[str | AgentTool, ...]] = ()
    """The tools that its model may call: names of Genie's, and tools of its own."""
    models: ClassVar[tuple[str, ...]] = ()
    """The model it asks, then its fallbacks; those of the installation if none."""
    limits: ClassVar[Limits] = Limits(turns=50, seconds=1_800)
    executors: ClassVar[tuple[str, ...]] = ("in_process",)
    """Those that can answer for it; the one that is asked for, where it is among them, else the first."""
    needs_repository: ClassVar[bool] = False
    """Whether it can only be run on a repository."""
    on_crash: ClassVar[Literal["retry", "park"]] = "retry"
    """After a crash in the middle of a command, or of a tool that says `never`: run it again, or end the run with that for its cause."""

    async def prepare(self, run: AgentRun) -> None:  # noqa: B027  # most have nothing to get ready
        """Get ready: open what `run` needs."""

    @abstractmethod
    async def run(self, run: AgentRun) -> str | BaseModel:
        """Do what is asked, and return the answer."""

    async def cleanup(self, run: AgentRun) -> None:  # noqa: B027  # as above
        """Close what `prepare` opened."""
