"""Workers as processes beside a server: started, started again when they die, ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final, NoReturn

import structlog

LONGEST_WAIT_S: Final = 30.0
LIVED_WELL_S: Final = 60.0

_FIRST_WAIT_S: Final = 0.5
_LOOK_S: Final = 1.0
# -P: the folder in which the command is called is not a place to import from, as with the installed script.
_PROGRAM: Final = (sys.executable, "-P", "-c", "import sys; from cli.supervise import be_worker; be_worker(sys.argv[1:])")


async def keep_workers(count: int, options: Sequence[str], stopping: asyncio.Event, *, grace_s: float) -> None:
    """Keep so many workers running until `stopping` is set, then let each end in good order.

    Args:
        count: how many.
        options: of `genie worker`.
        stopping: when to end.
        grace_s: how long a worker that was told to end may take.
    """
    await asyncio.gather(*(_keep(n, options, stopping, grace_s) for n in range(1, count + 1)))


def be_worker(arguments: Sequence[str]) -> NoReturn:
    """Run `genie worker` in this process, and end in good order when the server that started it is gone.

    Args:
        arguments: the id of the server's process, then the options.
    """
    from cli.main import main

    parent = int(arguments[0])
    threading.Thread(target=_watch, args=(parent,), name="watch-server", daemon=True).start()
    main(["worker", *arguments[1:]])


def waits_after(lived_s: float, wait_s: float) -> float:
    """How long to wait before a worker that died is started again: longer each time, unless it had lived well."""
    return _FIRST_WAIT_S if lived_s >= LIVED_WELL_S else min(max(_FIRST_WAIT_S, wait_s * 2), LONGEST_WAIT_S)


async def _keep(n: int, options: Sequence[str], stopping: asyncio.Event, grace_s: float) -> None:
    log = structlog.get_logger().bind(worker=n)
    stop = asyncio.create_task(stopping.wait(), name=f"stop-worker-{n}")
    wait_s = 0.0
    while not stopping.is_set():
        # In a session of its own: Ctrl-C is for the server, which then tells its workers.
        process = await asyncio.create_subprocess_exec(*_PROGRAM, str(os.getpid()), *options, start_new_session=True)
        began = time.monotonic()
        log.info("a worker was started", pid=process.pid)
        ended = asyncio.create_task(process.wait(), name=f"worker-{n}")
        await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            await _end(process, ended, grace_s)
            break
        wait_s = waits_after(time.monotonic() - began, wait_s)
        log.warning("a worker died, and is started again", pid=process.pid, code=process.returncode, after_s=wait_s)
        await asyncio.wait({stop}, timeout=wait_s)
    stop.cancel()


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int], grace_s: float) -> None:
    if not ended.done():
        process.terminate()
        await asyncio.wait({ended}, timeout=grace_s)
    if not ended.done():
        process.kill()
        await ended


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
