"""The first process of an agent's container: starts the CLI, brings its calls to our sockets, and ends with it or at the deadline.

It runs in the image with nothing but Python's own library, and is the one that ends the container when every worker is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

SOCKETS: Final = "/genie/sockets"
GATEWAY_PORT: Final = 8080
PROXY_PORT: Final = 3128
DOORS: Final = {GATEWAY_PORT: f"{SOCKETS}/gateway.sock", PROXY_PORT: f"{SOCKETS}/egress.sock"}
"""Ports of the container's own loopback interface, each with the socket that it leads to."""
TREE: Final = "/workspace"
DEADLINE: Final = "GENIE_DEADLINE"
DISK_FLOOR: Final = "GENIE_DISK_FLOOR_MB"
OPEN: Final = "GENIE_DOORS"
"""Which of the doors are open, by their ports: where nobody is behind one, its port is for the commands."""
END_OF_INPUT: Final = b"\x04"
"""A line of this alone ends the CLI's standard input: that of the container stays open, so that the next worker can write to it."""
DEADLINE_PASSED: Final = 124
DISK_FULL: Final = 123

_LOOK_S: Final = 0.25
_GRACE_S: Final = 5.0
_AGAIN_S: Final = 0.1
_SAY_S: Final = 1.0
_PIECE: Final = 65_536
_MIB: Final = 1024 * 1024
_PR_SET_DUMPABLE: Final = 4
_KILLED: Final = 128


async def live(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the CLI to its end, and return the code to end with."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    for port in map(int, environment.get(OPEN, "").split()):
        await asyncio.start_server(_door(DOORS[port]), "127.0.0.1", port)
    own = {name: value for name, value in environment.items() if name not in {DEADLINE, DISK_FLOOR, OPEN}}
    # Of all that is killed where memory runs out, the first process is the last.
    cli = subprocess.Popen(command, env=own, cwd=TREE, stdin=subprocess.PIPE, preexec_fn=_first_to_go)  # noqa: ASYNC220, PLW1509
    loop.add_signal_handler(signal.SIGCHLD, lambda: _reap(cli.pid, ended))
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, lambda: _stop(cli.pid, ended))
    _reap(cli.pid, ended)
    beside = [
        asyncio.create_task(_pass_input(cli)),
        asyncio.create_task(_watch(float(environment[DEADLINE]), int(environment.get(DISK_FLOOR, "0")), ended)),
    ]
    code = await ended
    for task in beside:
        task.cancel()
    # What is told of the end is told by callbacks, which run now.
    await asyncio.sleep(0)
    return code


def _door(path: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner, outer = await _connected(path)
            await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
        writer.close()

    return pass_on


async def _connected(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Wait for whoever is to listen: between two workers nobody does."""
    while True:
        try:
            return await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(_AGAIN_S)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.close()


async def _pass_input(cli: subprocess.Popen[bytes]) -> None:
    loop = asyncio.get_running_loop()
    if cli.stdin is None or not stat.S_ISFIFO(os.fstat(0).st_mode):
        # Started by hand, without an input.
        (cli.stdin or sys.stdin).close()
        return
    reader = asyncio.StreamReader(limit=64 * _MIB)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, cli.stdin)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    with contextlib.suppress(OSError):
        while line := await reader.readline():
            if line.strip() == END_OF_INPUT:
                break
            writer.write(line)
            await writer.drain()
        else:
            # The daemon is gone, which says nothing of the agent.
            await asyncio.Event().wait()
    writer.close()


async def _watch(deadline: float, floor_mb: int, ended: asyncio.Future[int]) -> None:
    while True:
        if time.time() >= deadline:
            _end(ended, DEADLINE_PASSED, "genie: the deadline has passed")
            return
        if floor_mb and _free_mb() < floor_mb:
            _end(ended, DISK_FULL, f"genie: less than {floor_mb} MiB are free where the work tree is")
            return
        await asyncio.sleep(min(_LOOK_S, max(deadline - time.time(), 0.01)))


def _free_mb() -> float:
    found = os.statvfs(TREE)
    return found.f_bavail * found.f_frsize / _MIB


def _end(ended: asyncio.Future[int], code: int, why: str) -> None:
    _say(why)
    _done(ended, code)


def _say(why: str) -> None:
    """Write to the container's log; whoever keeps it may be dead or stopped, which must not keep this process from its end."""

    def write() -> None:
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), f"{why}\n".encode())

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    writing.join(_SAY_S)


def _done(ended: asyncio.Future[int], code: int) -> None:
    if not ended.done():
        ended.set_result(code)


def _stop(pid: int, ended: asyncio.Future[int]) -> None:
    """Let the CLI end in good order; whoever looks later is to see that it did not end by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    ended.add_done_callback(lambda _: _say("genie: told to stop"))
    asyncio.get_running_loop().call_later(_GRACE_S, _done, ended, _KILLED + signal.SIGTERM)


def _reap(cli: int, ended: asyncio.Future[int]) -> None:
    """Take every child that has ended: orphans become children of the first process."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            code = os.waitstatus_to_exitcode(status)
            if pid == cli:
                _done(ended, code if code >= 0 else _KILLED - code)


def _first_to_go() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


if __name__ == "__main__":
    # The agent has our user id: without this it could trace the one who holds it to its deadline.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # Not sys.exit: nothing is to be waited for, and the kernel ends whatever else is here.
    os._exit(asyncio.run(live(sys.argv[1:], os.environ)))  # noqa: TID251  # it is not on this machine
