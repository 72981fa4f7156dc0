"""`genie serve --workers N`: workers as processes beside the server, begun and ended with it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.machine import until
from tests.fakes.servers import Server

pytestmark = pytest.mark.faults


def alive(server: Server) -> set[int]:
    """The processes of the workers that were heard of lately and are there."""
    with server.client() as client:
        told = client.get("/workers").json()["items"]
    return {worker["pid"] for worker in told if worker["alive"] and is_there(worker["pid"])}


def is_there(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        # A process that has ended and that nobody waited for is no longer there.
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_worker_that_dies_is_started_again_and_all_end_with_the_server(serve, database_url):
    server = serve("--workers", "2", "--concurrency", "1", database_url=database_url)
    first = until(lambda: len(pids := alive(server)) == 2 and pids, "there are two workers")

    os.kill(min(first), signal.SIGKILL)
    second = until(lambda: len(pids := alive(server)) == 2 and pids, "there are two workers again")
    code = server.stop()

    assert min(first) not in second
    assert max(first) in second
    assert code == 0
    assert not [pid for pid in first | second if is_there(pid)]


def test_workers_end_when_their_server_is_killed(serve, database_url):
    server = serve("--workers", "1", database_url=database_url)
    pids = until(lambda: alive(server), "there is a worker")

    server.stop(signal.SIGKILL)

    until(lambda: not [pid for pid in pids if is_there(pid)], "no worker is left")
