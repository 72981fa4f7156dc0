"""A deliverer that is killed between the POST and the note of it: what it sent is sent again, under the same id, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.receiver import ids_by_epic
from tests.integration.durability.writing import rows, until

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
DELIVERER = """
import asyncio, sys
from pathlib import Path
from db.connection import open_database
from engine.assembling import Installation
from engine.keyring import StoredKeyring
from engine.master_key import MasterKeys
from engine.outbox import Pace, run_outbox

async def main():
    async with open_database(sys.argv[1], Path(sys.argv[2]), migrate=False) as database:
        database.pool.sealer = StoredKeyring(database.pool, MasterKeys(home=Path(sys.argv[2])))
        installation = Installation(
            home=Path(sys.argv[2]), database=database, executors={}, agents_dir=None, environment={}, git_environment={},
            lease_seconds=10.0, webhook_allow_private=True,
        )
        await run_outbox(installation, asyncio.Event(), Pace(poll_s=0.05, first_wait_s=0.05, timeout_s=30.0, claim_s=90.0))

asyncio.run(main())
"""


async def test_a_deliverer_that_is_killed_between_the_post_and_the_note_loses_nothing(
    webhooks, receiver, new_epic, tell, deliver, database, tmp_path
):
    killed: list[int] = []
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", DELIVERER, database.dsn, str(tmp_path)], env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path
    )

    def kill_at_the_third(_request):
        if not killed and len(there.requests) == 3:
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process.wait())
        return 200

    there = receiver(behave=kill_at_the_third)
    await webhooks.add(there.url)
    epic = await new_epic()
    await tell(epic, 4)
    try:
        await until(lambda: killed, seconds=60)
        assert await rows(database.pool, "SELECT event FROM outbox WHERE delivered_at IS NOT NULL ORDER BY 1") == [
            {"event": 1},
            {"event": 2},
        ]

        # What the killed one had in hand is free when its claim is over: half a minute later, or at once in a test.
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE outbox SET claimed_until = now() WHERE claim IS NOT NULL")
        deliver()
        await until(lambda: len(there.requests) == 6, seconds=60)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)

    assert [json.loads(each["raw"])["event"] for each in there.requests] == [1, 2, 3, 3, 4, 5]
    assert ids_by_epic(there.requests) == {epic: [1, 2, 3, 4, 5]}
    third, again = there.requests[2:4]
    assert third["headers"]["webhook-id"] == again["headers"]["webhook-id"]
    assert third["raw"] == again["raw"]
