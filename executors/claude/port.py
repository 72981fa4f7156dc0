"""The port behind which a Claude Code CLI runs: it is seated, started, spoken to, read, and ended with all that it started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from executors.port import Journal, Order, Owner


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a CLI ended."""

    code: int | None
    """As a shell has it; None where nobody can tell any more."""
    cause: str = ""
    """What ended it from outside, where that is known: out_of_memory, stopped, daemon_lost, timeout, disk_full, …"""
    said: str = ""
    """The cause in one line for a person, or the end of what it wrote to standard error."""


class AgentProcess(Protocol):
    """A CLI at work."""

    @property
    def adopted(self) -> bool:
        """Whether it was started by a worker that has died since."""
        ...

    def lines(self) -> AsyncIterator[bytes]:
        """Every line of its standard output from its start, until it ends."""
        ...

    async def say(self, line: bytes) -> None:
        """Write a line to its standard input; one that has ended hears nothing."""
        ...

    async def close_input(self) -> None:
        """End its standard input, upon which it ends when it is done."""
        ...

    async def wait(self) -> Exit:
        """Wait for its end."""
        ...

    async def kill(self) -> None:
        """End it at once, with everything that it has started; more than once does no harm."""
        ...


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What is started."""

    arguments: tuple[str, ...]
    """After the name of the program."""
    environment: Mapping[str, str]
    """The whole environment, but what the seat adds."""
    seconds: float
    """How long it may live, whatever becomes of the worker."""


class Seat(Protocol):
    """Where the CLI of one attempt sits, for as long as the seat is open; closing it ends the CLI and leaves nothing behind."""

    @property
    def cwd(self) -> str:
        """The work tree, as the CLI sees it."""
        ...

    @property
    def config(self) -> Path:
        """The folder of its settings and transcripts, as we see it."""
        ...

    @property
    def config_seen(self) -> str:
        """The same folder, as the CLI sees it."""
        ...

    @property
    def socket(self) -> Path | None:
        """The unix socket on which the gateway must listen to be reached from here; None for the loopback interface."""
        ...

    def base_url(self, address: str) -> str:
        """The gateway's URL as the CLI sees it, given the address at which the gateway listens."""
        ...

    async def alive(self) -> AgentProcess | None:
        """The CLI that is still at work here, though its worker has died."""
        ...

    async def start(self, launch: Launch) -> AgentProcess:
        """Start the CLI.

        Raises:
            Environment: if it cannot be started, saying what would help; its `cause` names why for programs.
        """
        ...


class Launcher(Protocol):
    """Seats CLIs: as processes of this host, or in containers."""

    def check(self) -> None:
        """See that a CLI could be started at all, at little cost.

        Raises:
            Environment: saying what is missing, and how to get it.
        """
        ...

    def seat(self, order: Order, journal: Journal) -> AbstractAsyncContextManager[Seat]:
        """Open the seat of an attempt."""
        ...

    async def lives(self, epic: str, attempt: int, owner: Owner) -> bool:
        """Whether the CLI of an attempt still works on this host."""
        ...
