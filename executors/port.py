"""The port behind which an agent works: what is asked, what comes back, and the journal of what happened between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from agents.workflow import Workflow
from executors.mcp.opening import Servers
from tools.context import ToolContext
from tools.declaring import AgentTool
from tools.processes import ProcessResult

EndedBy = Literal["done", "turns", "budget", "timeout", "cancelled", "error"]

ErrorKind = Literal["provider", "unavailable", "no_output", "environment", "tool"]
"""Why an attempt ended by `error`: the provider, a provider that may well answer later, an answer that never fitted the output type, this
machine, or a tool that broke."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call or of many."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose an attempt is, written on what may outlive the worker that runs it: containers, sockets, folders."""

    database: str = ""
    """The id of Genie's database: another one may use the same host (durability rule 22)."""
    epoch: int = 0
    """The epoch of the lease under which the attempt runs now."""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """What makes an order a part of a conversation, in which its brief is the next thing that is said."""

    prompt: str
    """What the model is told before anything else."""
    history: tuple[Any, ...] = ()
    """What was said before, oldest first, as JSON of the provider's messages; executors with turns of their own go on from those."""
    tools: tuple[AgentTool, ...] = ()
    """Tools of the agent's own, beside those that its workflow lists by name."""
    in_words: bool = True
    """Whether the answer is the text of the last message, as {"text": …}, and not handed back by a call."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What an executor is asked to do, in full; nothing else reaches the agent."""

    epic: str
    attempt: int
    workflow: Workflow
    brief: str
    """The rendered prompt; its first line is `Workflow: <name>`."""
    tree: Path
    """The work tree of the attempt, the only place that the agent may change."""
    models: tuple[str, ...]
    """The model to ask, then its fallbacks, in order, as pydantic-ai names them."""
    allowed_paths: tuple[str, ...]
    """Globs, relative to the tree, of what the agent may write."""
    forbidden_paths: tuple[str, ...]
    environment: Mapping[str, str]
    """The environment of the commands that the agent runs; no secret is in it."""
    folder: Path
    """A folder of the attempt's own on this host, beside its tree: settings of the agent, sockets. It may not be there yet, and goes when
    the attempt has ended."""
    owner: Owner = field(default_factory=Owner)
    servers: Servers | None = None
    """The MCP servers that the workflow names, begun already; None if whoever runs the order has to begin them."""
    continues: tuple[Turn, ...] = ()
    """Finished turns of an earlier attempt whose conversation this one goes on from (after a budget was raised)."""
    reach: ToolContext = field(default_factory=ToolContext)
    """What the agent's tools may reach beside the tree."""
    has_tree: bool = True
    """False for a run on no repository: `tree` is a folder that nothing is in then, and no tool may touch it."""
    talk: Talk | None = None
    """The conversation that the order is a part of; None for a task that stands alone."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One journaled turn of an attempt: an answer of the model, the results of its tool calls, the tree after them."""

    n: int
    request_hash: str
    model: str
    request: Any
    """The message that was sent, as JSON (a pydantic-ai ModelRequest, or what the executor's own protocol has)."""
    answer: Any
    """The message that came back, as JSON."""
    results: Any | None = None
    """The message with the results of the tool calls, as JSON; None until every call of the turn has one."""
    tree: str | None = None
    """The commit that holds the work tree after the turn; None if the turn changed no file."""
    heard: tuple[int, ...] = ()
    """The numbers of what people said that this turn's request was the first to tell the agent."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """Something that a person says to an agent at work (`genie epic say`)."""

    n: int
    """Its number in the epic, in the order in which things were said."""
    text: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The right to make one call: its id, and the most output tokens that fit every limit."""

    id: int
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What a call really cost."""

    reservation: Reservation
    usage: Usage
    cost_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a call may cost at most, before it is made."""

    model: str
    input_usd: Decimal
    """The price of the input, at most."""
    output_usd_per_token: Decimal
    """The price of one output token."""
    max_tokens: int
    """The output tokens wished for."""
    floor_tokens: int
    """Fewer than these are of no use: a call that only fits with fewer is refused."""


class Notes(Protocol):
    """Where what people watch is told."""

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event for people who watch (a tool call, a retry, a fallback)."""
        ...


class Journal(Notes, Protocol):
    """The record of one attempt, durable before each method returns; every write is fenced by the epic's lease."""

    async def turns(self) -> tuple[Turn, ...]:
        """The turns that were recorded, in order."""
        ...

    async def reserve(self, ask: Ask) -> Reservation:
        """Hold the highest price of a call against every limit (attempt, epic, project), under their locks.

        Raises:
            BudgetSpent: if even `floor_tokens` do not fit; nothing was reserved.
        """
        ...

    async def release(self, reservation: Reservation, *, reason: str) -> None:
        """Give a reservation back; only where the provider certainly charged nothing (refused, not connected)."""
        ...

    async def answered(self, turn: Turn, paid: Paid) -> None:
        """Record an answer, and what it cost in the place of its reservation, in one transaction and before any of its tools runs.

        Apart, a crash between the two would leave an answer that is paid for and must be bought again.
        """
        ...

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:
        """Record the results of turn `n`; where files changed, a snapshot of the tree is taken and kept with it."""
        ...

    async def said(self) -> tuple[Said, ...]:
        """What people have said to the epic's agent that no recorded turn has told it yet, in order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an agent's run ended; files and commits are not in it, since those are read from git."""

    ended_by: EndedBy
    output: Mapping[str, Any] | None = None
    """The typed output as JSON, valid against the workflow's output type; None unless `ended_by` is done."""
    error: str = ""
    """One line for a person, where `ended_by` is not done."""
    error_kind: ErrorKind | None = None
    cause: str = ""
    """What exactly stopped the agent, for programs, where an executor can tell: out_of_memory, stopped, paused, daemon_lost, image_missing,
    disk_full, …"""
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal = Decimal(0)
    model: str = ""
    """The model that answered last."""


class Executor(Protocol):
    """Runs one workflow on one brief in one work tree."""

    @property
    def name(self) -> str:
        """How settings and records call it, such as in_process."""
        ...

    def check_models(self, models: tuple[str, ...]) -> None:
        """Refuse models that this executor cannot use, before anything is begun.

        Raises:
            InvalidInput: naming the model and what would do.
        """
        ...

    async def run(self, order: Order, journal: Journal) -> Outcome:
        """Run the agent to its end, or on from the last journaled turn.

        Trouble that is foreseen (provider, limits, timeout, nonsense) is an Outcome, not an exception.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written; the attempt can be gone on with.
        """
        ...


@runtime_checkable
class TakesHistory(Protocol):
    """An executor that is told what was said before as messages; the others go on from turns of their own (`Order.continues`)."""

    takes_history: bool


@runtime_checkable
class UsesServers(Protocol):
    """An executor whose agents call the MCP servers that their workflow names."""

    def reaches_server(self, entry: Mapping[str, Any]) -> bool:
        """Whether a server is started or reached from this host, be it only to see its tools before the agent does."""
        ...


@runtime_checkable
class Outlives(Protocol):
    """An executor whose agents may still be at work after their worker has died."""

    async def lives(self, epic: str, attempt: int, owner: Owner) -> bool:
        """Whether the attempt's agent still works on this host, so that `run` goes on with it and its tree must be left alone.

        Raises:
            Environment: if nobody can tell now.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A command that Genie itself has run for an attempt, in its work tree: what an agent wrote is run by it."""

    epic: str
    attempt: int
    workflow: Workflow
    """Says what the command may reach."""
    work: Literal["setup", "tests"]
    command: tuple[str, ...]
    """A program, by its path or as PATH has it, and its arguments."""
    environment: Mapping[str, str]
    seconds: float
    """How long it may take."""
    output_cap: int
    """How many bytes of its output are kept, of the head and of the tail."""
    tree: Path
    folder: Path
    """The attempt's own on this host; nobody uses it while no agent works. It goes when the command has ended."""
    owner: Owner


@runtime_checkable
class ClosesIn(Protocol):
    """An executor that closes its agents in, and with them the commands of their attempts: this host must run nothing that they wrote."""

    async def run_command(self, errand: Errand, notes: Notes) -> ProcessResult:
        """Run a command to its end, where the agent of the attempt works, and end everything that it started with it.

        Raises:
            Environment: if it cannot be run here, or something beside the command ended it.
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if an event could not be written.
        """
        ...

    async def end_command(self, epic: str, attempt: int, owner: Owner) -> None:
        """End the command of an attempt that outlived the worker which ran it: after this nothing of it writes to the tree."""
        ...


@runtime_checkable
class NeedsThisHost(Protocol):
    """An executor that can only run where something else is, such as a program or a daemon."""

    def check_host(self) -> None:
        """See that it could run on this host, at little cost.

        Raises:
            Environment: saying what is missing, and how to get it.
        """
        ...
