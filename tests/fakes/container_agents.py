"""Agents for containers under test: a script in the place of the CLI, seated as the CLI is."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.workflow import Network
from executors.claude.port import AgentProcess, Exit, Launch, Launcher, Seat
from executors.port import Owner
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order

START = "#!/usr/bin/env python3\nimport json, os, subprocess, sys, time, urllib.request\ndef say(*a): print(*a, flush=True)\n"


@dataclass
class Agent:
    """One attempt of an agent that is a script."""

    home: Path
    script: str = "say('hello')"
    epic: str = "e-0123456789"
    attempt: int = 1
    database: str = field(default_factory=lambda: uuid.uuid4().hex)
    epoch: int = 1
    network: Network = field(default_factory=Network)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    @property
    def tree(self) -> Path:
        return self.home / "worktrees" / self.epic / f"{self.epic}-{self.attempt}"

    @property
    def owner(self) -> Owner:
        return Owner(database=self.database, epoch=self.epoch)

    def order(self) -> Any:
        self.tree.mkdir(parents=True, exist_ok=True)
        cli = self.tree / "cli"
        if not cli.exists():
            cli.write_text(START + self.script)
            cli.chmod(0o755)
        found = order(
            self.tree, epic=self.epic, attempt=self.attempt, owner=self.owner, folder=self.home / "attempts" / f"{self.epic}-{self.attempt}"
        )
        object.__setattr__(found.workflow, "network", self.network)
        return found

    @asynccontextmanager
    async def seated(self, launcher: Launcher) -> AsyncGenerator[tuple[Seat, AgentProcess]]:
        """The script at work, with something that answers where the gateway is to be."""
        async with launcher.seat(self.order(), self.journal) as seat, gateway(seat) as url:
            process = await seat.alive() or await seat.start(launch(environment={"GATEWAY": url}))
            try:
                yield seat, process
            finally:
                await process.kill()

    async def run(self, launcher: Launcher, *, seconds: float = 30.0) -> tuple[list[str], Exit]:
        """Run the script to its end, and return what it printed and how it ended."""
        async with launcher.seat(self.order(), self.journal) as seat, gateway(seat) as url:
            process = await seat.start(launch(environment={"GATEWAY": url}, seconds=seconds))
            await process.close_input()
            lines = [line.decode() async for line in process.lines()]
            return lines, await process.wait()


def launch(*arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 30.0) -> Launch:
    return Launch(arguments=arguments, environment={"PATH": "/usr/local/bin:/usr/bin:/bin", **(environment or {})}, seconds=seconds)


@asynccontextmanager
async def gateway(seat: Seat) -> AsyncGenerator[str]:
    """Something that says `gateway` to whoever asks, where the seat wants the gateway to be."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\ngateway")
            await writer.drain()
        writer.close()

    if seat.socket is None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, start_serving=False)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        seat.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, str(seat.socket), start_serving=False)
        address = str(seat.socket)
    # Cancelled in the middle of starting, a server would stay open.
    try:
        await server.start_serving()
        yield seat.base_url(address)
    finally:
        server.close()
