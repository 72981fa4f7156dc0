"""Running a command so that nothing of it outlives the call: own session, own PID namespace where possible, bounded output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from epics.errors import Environment

CHUNK = 65_536

GRACE_SECONDS = 5.0
"""How long the pipe may stay open after everything was killed, before the reading is given up."""

_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")
_AS_MYSELF = ("--user", "--map-current-user")
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")

_INIT = ("sh", "-c", '"$@"; exit $?', "sh")
"""PID 1 of a namespace ignores signals that it has no handler for, so the command itself must not be PID 1."""


@dataclass(frozen=True, kw_only=True)
class ProcessResult:
    """How a command ended, and the head and tail of what it printed."""

    exit_code: int
    """As a shell has it: 128 + n where signal n ended it. A command that was stopped for its time has 137."""
    output: str
    """Standard output and standard error in the order they came, cut in the middle if there was more than the cap."""
    timed_out: bool
    seconds: float
    truncated_bytes: int
    """How many bytes were left out of `output`."""


@dataclass(slots=True)
class HeadAndTail:
    """Keeps the first and the last half of a stream, and counts the rest, in memory that does not grow."""

    cap: int
    total: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total += len(chunk)
        room = self.cap // 2 - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        keep = self.cap - self.cap // 2
        if len(self._tail) > keep:
            del self._tail[: len(self._tail) - keep]

    @property
    def left_out(self) -> int:
        """How many bytes of the stream are in neither half."""
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> str:
        """Return what was kept, with a line that says how much is missing where something is."""
        head, tail = self._head.decode(errors="replace"), self._tail.decode(errors="replace")
        if not self.left_out:
            return (self._head + self._tail).decode(errors="replace")
        return f"{head}\n[… {self.left_out} bytes left out …]\n{tail}"


async def run_process(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    output_cap: int = 60_000,
    on_output: Callable[[bytes], None] | None = None,
) -> ProcessResult:
    """Run `command` to its end, and end everything that it started with it.

    Standard input is empty. Where the machine allows PID namespaces, a process that made a session of its own ends too, and so does
    everything if Genie itself is killed; elsewhere only the process group is ended. `on_output` sees every byte as it comes, also those
    that are left out of the result.

    Raises:
        Environment: if the program or the folder does not exist, or cannot be started.
    """
    if not command:
        raise Environment("an empty command cannot be run: give at least the name of a program")
    await asyncio.to_thread(must_exist, command[0], cwd, env)
    prefix = await asyncio.to_thread(containment)
    started = time.monotonic()
    process = await _start([*prefix, *command], cwd, env)
    kept = HeadAndTail(output_cap)
    reading = asyncio.ensure_future(_read(process, kept, on_output))
    timed_out = False
    try:
        timed_out = not await _ended_within(process, timeout_s)
    finally:
        await _end_everything(process, reading)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return ProcessResult(
        exit_code=code if code >= 0 else 128 - code,
        output=kept.text(),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
        truncated_bytes=kept.left_out,
    )


def must_exist(program: str, cwd: Path, env: Mapping[str, str]) -> None:
    """See that a program and the folder that it is to run in are there.

    Raises:
        Environment: naming what is not.
    """
    if not cwd.is_dir():
        raise Environment(f"the folder {cwd} does not exist, so {program!r} cannot be run in it")
    found = shutil.which(cwd / program if "/" in program else program, path=env.get("PATH", os.defpath))
    if found is None:
        raise Environment(f"the program {program!r} was not found: install it, or add its folder to PATH")


async def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        raise Environment(f"the command {argv[-1]!r} could not be started in {cwd}: {exc}") from exc


async def _read(process: asyncio.subprocess.Process, kept: HeadAndTail, on_output: Callable[[bytes], None] | None) -> None:
    if process.stdout is None:
        return
    while chunk := await process.stdout.read(CHUNK):
        kept.add(chunk)
        if on_output is not None:
            on_output(chunk)


async def _ended_within(process: asyncio.subprocess.Process, timeout_s: float) -> bool:
    try:
        # Not `wait_for`: that of Python 3.11 forgets a cancel that comes as the process ends.
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _end_everything(process: asyncio.subprocess.Process, reading: asyncio.Future[None]) -> None:
    """Kill what is left of the process group (with it the namespace), collect it, and read what is still in the pipe."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await reading
    except TimeoutError:
        return  # a process in a session of its own holds the pipe; the time-out has ended the reading


@cache
def containment() -> tuple[str, ...]:
    """Return what to put before a command, the strongest way that works here to tie everything it starts to it, found by trying."""
    user = () if os.geteuid() == 0 else _AS_MYSELF
    candidates: tuple[tuple[str, ...], ...] = (
        (*_DIE_WITH_PARENT, *_NAMESPACE, *user, "--mount-proc"),
        (*_DIE_WITH_PARENT, *_NAMESPACE, *user),
        (*_NAMESPACE, *user),
    )
    for candidate in candidates:
        if _works((*candidate, *_INIT, "true")):
            return tuple(map(_absolute, (*candidate, *_INIT)))
    return tuple(map(_absolute, _DIE_WITH_PARENT)) if _works((*_DIE_WITH_PARENT, "true")) else ()


def has_namespaces() -> bool:
    """Say whether commands get a PID namespace of their own here, so that nothing that they start can escape their end."""
    return "--pid" in containment()


def _absolute(word: str) -> str:
    """Return the full path of our own programs: the PATH that a command is given need not know them."""
    return (shutil.which(word) or word) if word in {"setpriv", "unshare", "sh"} else word


def _works(argv: Sequence[str]) -> bool:
    try:
        tried = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=GRACE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
