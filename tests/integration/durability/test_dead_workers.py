"""The epic of a worker that is provably dead is free at once; that of any other only when its lease has run out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from db.leases import take_lease
from engine.identity import this_worker
from epics.errors import EpicHeld
from tests.integration.durability.writing import THERE

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]

HOLD = """
import asyncio, json, sys
from db.connection import open_pool
from db.leases import take_lease
from engine.identity import this_worker

async def hold():
    async with open_pool(sys.argv[1]) as pool:
        lease = await take_lease(pool, sys.argv[2], this_worker(), seconds=3600)
        print(json.dumps({"epoch": lease.epoch}), flush=True)
        await asyncio.sleep(3600)

asyncio.run(hold())
"""


@pytest.fixture
def holder(database_url):
    """Starts processes that take the lease of an epic and keep it; those that still live are killed when the test ends."""
    processes = []

    def start(epic):
        command = [sys.executable, "-c", HOLD, database_url, epic]
        process = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"epoch": 1}
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_an_epic_whose_worker_was_killed_goes_on_at_once(begin, holder):
    epic = await begin()
    process = holder(epic.id)
    with pytest.raises(EpicHeld, match=rf":{process.pid}, whose lease runs 3\d\d\d s more"):
        await epic.engine.advance(epic.id)

    # Killed, and not yet waited for by its parent: it is a zombie, and dead all the same.
    process.send_signal(signal.SIGKILL)
    _until_dead(process.pid)
    view = await epic.engine.advance(epic.id)

    assert view.step == "plan_gate"
    assert [event.data["epoch"] for event in await epic.engine.events(epic.id) if event.type == "epic_taken"] == [2]


async def test_a_process_that_was_given_the_number_of_a_dead_worker_is_not_that_worker(begin):
    epic = await begin()
    earlier = replace(this_worker(), pid_started="1")
    await take_lease(epic.engine._pool, epic.id, earlier, seconds=3600)

    assert (await epic.engine.advance(epic.id)).step == "plan_gate"


@pytest.mark.parametrize("worker", [THERE, replace(this_worker(), pid_started="")], ids=["another host", "start unknown"])
async def test_a_worker_that_cannot_be_proved_dead_keeps_its_lease_until_it_runs_out(begin, worker):
    epic = await begin()
    await take_lease(epic.engine._pool, epic.id, worker, seconds=1.0)

    with pytest.raises(EpicHeld):
        await epic.engine.advance(epic.id)
    time.sleep(1.0)

    assert (await epic.engine.advance(epic.id)).step == "plan_gate"


def _until_dead(pid: int) -> None:
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(500):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("it lives on")
