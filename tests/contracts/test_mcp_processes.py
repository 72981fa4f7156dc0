"""Many MCP servers in one attempt leave no process behind: counted from outside, also after the worker was killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from executors.mcp.marks import MARK, end_left_behind, mark_of
from executors.mcp.opening import Servers
from executors.mcp.settings import Knowledge
from tests.fakes.journal import MemoryJournal
from tests.fakes.mcp_playing import left_alive
from tools.processes import has_namespaces

PLAYING = str(Path(__file__).resolve().parents[1] / "fakes" / "mcp_playing.py")
MANY = 20

WORKER = """
import asyncio, json, sys
from pathlib import Path
from executors.mcp.opening import Servers
from executors.mcp.settings import Knowledge

async def told(kind, data):
    pass

async def main():
    servers = Servers(json.loads(sys.argv[1]), Knowledge(), environment=json.loads(sys.argv[2]))
    servers.tree_is_there(Path.cwd())
    print(len(await servers.ready(told, ())), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def breeding(folder):
    """Servers that each start a child which outlives its parent where it can; all have the folder's name on their command line."""
    child = folder / "child"
    child.symlink_to("/bin/sleep")
    return {f"s{n}": {"command": sys.executable, "args": [PLAYING, "breeding", str(folder)], "timeout": 60} for n in range(MANY)}


def gone_within(seconds, word):
    """Wait until no process has a word on its command line, or the time is over; return those that have it still."""
    until = time.monotonic() + seconds
    while (left := left_alive(word)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="without PID namespaces a child in a session of its own escapes")


@needs_namespaces
async def test_twenty_servers_of_an_attempt_leave_no_process(tmp_path):
    servers = Servers(breeding(tmp_path), Knowledge(), environment={"PATH": os.defpath})
    servers.tree_is_there(tmp_path)

    ready = await servers.ready(MemoryJournal().noted, ())
    children = len(left_alive(str(tmp_path / "child")))
    await servers.close()

    assert (len(ready), children) == (MANY, MANY)
    assert await asyncio.to_thread(gone_within, 5, str(tmp_path)) == []


@needs_namespaces
def test_twenty_servers_end_with_a_worker_that_is_killed(tmp_path):
    given = [json.dumps(breeding(tmp_path)), json.dumps({"PATH": os.defpath})]
    command = [sys.executable, "-c", WORKER, *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        try:
            ready = int(worker.stdout.readline())
        finally:
            worker.send_signal(signal.SIGKILL)

    assert ready == MANY
    assert gone_within(5, str(tmp_path)) == []


async def test_servers_that_were_still_starting_end_with_a_run_that_is_cancelled(tmp_path):
    entry = {"command": sys.executable, "args": [PLAYING, "silent", str(tmp_path)], "timeout": 60}
    servers = Servers({"silent": entry}, Knowledge(), environment={"PATH": os.defpath})
    servers.tree_is_there(tmp_path)
    waiting = asyncio.create_task(servers.ready(MemoryJournal().noted, ()))
    while not left_alive(str(tmp_path)):
        await asyncio.sleep(0.02)

    waiting.cancel()
    await asyncio.wait({waiting})
    await servers.close()

    assert await asyncio.to_thread(gone_within, 5, str(tmp_path)) == []


def test_what_a_dead_worker_left_is_found_by_its_mark_and_what_others_started_is_not():
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = mark_of("db-1")
    numbers = mine.split(":")[1]
    marks = {
        "left": f"db-1:{numbers}:{dead.pid}:1",
        "other": f"db-2:{numbers}:{dead.pid}:1",
        "elsewhere": f"db-1:[1]:{dead.pid}:1",
        "mine": mine,
    }
    started = {name: subprocess.Popen(["sleep", "600"], env={"PATH": os.defpath, MARK: mark}) for name, mark in marks.items()}
    try:
        ended = end_left_behind("db-1")
        code = started["left"].wait(timeout=5)
        alive = [name for name, process in started.items() if process.poll() is None]
    finally:
        for process in started.values():
            process.kill()
            process.wait()

    assert ended == (started["left"].pid,)
    assert code == -signal.SIGKILL
    assert alive == ["other", "elsewhere", "mine"]
