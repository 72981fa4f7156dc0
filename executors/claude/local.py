"""The CLI as a process of this host: in a PID namespace of its own where there are any, ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from epics.errors import Environment
from executors.claude.finding import find_cli
from executors.claude.lines import Lines
from executors.claude.port import AgentProcess, Exit, Launch, Seat
from executors.port import Journal, Order, Owner
from tools.processes import CHUNK, GRACE_SECONDS, containment

_SAID: Final = 2_000
"""Bytes of the end of standard error that are told."""


class LocalProcess:
    """A CLI that this worker has started."""

    adopted = False

    def __init__(self, process: asyncio.subprocess.Process, stderr: Path) -> None:
        """Bind to a process whose standard error is written to a file."""
        self._process = process
        self._stderr = stderr

    async def lines(self) -> AsyncIterator[bytes]:
        """Every line of its standard output, until it ends."""
        lines = Lines()
        while chunk := await self._chunk():
            for line in lines.feed(chunk):
                yield line
        if last := lines.last():
            yield last

    async def say(self, line: bytes) -> None:
        """Write a line to its standard input."""
        if self._process.stdin is None:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):  # it has ended, or its input was closed
            self._process.stdin.write(line)
            await self._process.stdin.drain()

    async def close_input(self) -> None:
        """End its standard input."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def wait(self) -> Exit:
        """Wait for its end."""
        code = await self._process.wait()
        said = _end_of(self._stderr)
        if code >= 0:
            return Exit(code=code, said=said)
        return Exit(code=128 - code, cause="stopped", said=f"the CLI was ended from outside, by signal {-code}")

    async def kill(self) -> None:
        """End it at once, with its process group and its namespace."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.shield(self._process.wait())

    async def _chunk(self) -> bytes:
        """What it prints next; empty once it has ended, also where something that it started keeps the pipe open."""
        if self._process.stdout is None:
            return b""
        reading = asyncio.ensure_future(self._process.stdout.read(CHUNK))
        ending = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=GRACE_SECONDS)
            return reading.result() if reading.done() else b""
        finally:
            for task in (reading, ending):
                task.cancel()


@dataclass(kw_only=True)
class LocalSeat:
    """The folder of an attempt on this host, and the CLI that works for it."""

    cli: Path
    cwd: str
    config: Path
    temporary: Path
    stderr: Path
    socket: Path | None = None
    _started: list[LocalProcess] = field(default_factory=list)

    @property
    def config_seen(self) -> str:
        """The folder of settings, which the CLI sees where we do."""
        return str(self.config)

    def base_url(self, address: str) -> str:
        """The gateway's URL, as it listens."""
        return address

    async def alive(self) -> AgentProcess | None:
        """Nothing: a CLI on this host ends with its worker."""
        return None

    async def start(self, launch: Launch) -> AgentProcess:
        """Start the CLI.

        Raises:
            Environment: if it cannot be started.
        """
        prefix = await asyncio.to_thread(_prefix, launch.seconds)
        with self.stderr.open("wb") as errors:
            process = await self._spawn((*prefix, str(self.cli), *launch.arguments), launch, errors)
        started = LocalProcess(process, self.stderr)
        self._started.append(started)
        return started

    async def close(self) -> None:
        """End whatever was started."""
        for started in self._started:
            await started.kill()

    async def _spawn(self, argv: tuple[str, ...], launch: Launch, errors: IO[bytes]) -> asyncio.subprocess.Process:
        folder = str(self.temporary)
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                cwd=self.cwd,
                env={**launch.environment, "TMPDIR": folder, "CLAUDE_CODE_TMPDIR": folder},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except (OSError, ValueError) as exc:
            raise Environment(f"the Claude Code CLI {self.cli} could not be started in {self.cwd}: {exc}") from exc


class LocalLauncher:
    """Seats CLIs as processes of this host."""

    def __init__(self, cli: Path | None = None) -> None:
        """Keep which CLI the settings name; without one it is looked for."""
        self._cli = cli

    def check(self) -> None:
        """See that there is a CLI.

        Raises:
            Environment: saying how to get one.
        """
        find_cli(self._cli)

    @asynccontextmanager
    async def seat(self, order: Order, journal: Journal) -> AsyncGenerator[Seat]:
        """Open the seat of an attempt in its folder, which is made anew: whatever an earlier CLI left there is worth nothing."""
        del journal
        cli = find_cli(self._cli)
        folder = order.folder
        await asyncio.to_thread(_fresh, folder)
        seat = LocalSeat(
            cli=cli,
            cwd=os.path.realpath(order.tree),
            config=folder / "claude",
            temporary=folder / "tmp",
            stderr=folder / "stderr",
        )
        try:
            yield seat
        finally:
            await seat.close()
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def lives(self, epic: str, attempt: int, owner: Owner) -> bool:
        """Never: a CLI on this host ends with its worker."""
        del epic, attempt, owner
        return False


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, mode=0o700)
        for name in ("claude", "tmp"):
            (folder / name).mkdir(mode=0o700)
    except OSError as exc:
        raise Environment(f"the folder {folder} for an agent's settings cannot be made: {exc}") from exc


def _prefix(seconds: float) -> tuple[str, ...]:
    """What is put before the CLI: its containment, or without any at least a clock that goes on when the worker has died."""
    tied = containment()
    clock = shutil.which("timeout")
    return tied if tied or clock is None else (clock, "--signal=KILL", f"{seconds:.0f}")


def _end_of(file: Path) -> str:
    try:
        said = file.read_bytes()[-_SAID:].decode(errors="replace")
    except OSError:
        return ""
    return " ".join(said.split())
