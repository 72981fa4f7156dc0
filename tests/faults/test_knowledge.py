"""Pumps that are killed at random while they store: each episode is stored once, and none is missing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.faults]

ROOT = Path(__file__).parents[2]
EPISODES = 200
KILLS = 10
SEED = 20261122

PUMP = """
import asyncio, sys
from pathlib import Path
from db.connection import open_database
from engine.assembling import Installation
from engine.knowledge.pump import Pace, run_knowledge
from memory.postgresql import PostgresKnowledge

async def main():
    async with open_database(sys.argv[1], Path(sys.argv[2]), migrate=False) as database:
        installation = Installation(
            home=Path(sys.argv[2]), database=database, executors={}, agents_dir=None, environment={}, git_environment={},
            lease_seconds=10.0, knowledge=PostgresKnowledge(database.pool),
        )
        print("ready", flush=True)
        await run_knowledge(installation, asyncio.Event(), Pace(poll_s=0.02, each=3, claim_s=0.3, first_wait_s=0.01))

asyncio.run(main())
"""

TELL = """
import asyncio, sys
from pathlib import Path
from db.connection import open_database
from db.episodes import enqueue_alone
from tests.fakes.knowing import about, episode

async def main():
    async with open_database(sys.argv[1], Path(sys.argv[2]), migrate=False) as database:
        print("ready", flush=True)
        for n in range(int(sys.argv[3])):
            await enqueue_alone(database.pool, episode("/repos/shop", about("app.py", f"Fact {n}"), f"More of {n}", key=f"key {n:04}"))

asyncio.run(main())
"""


def test_pumps_and_tellers_that_are_killed_at_random_lose_and_double_nothing(database_url, tmp_path):
    chance = random.Random(SEED)

    def begin(program, *arguments):
        return subprocess.Popen(
            [sys.executable, "-P", "-c", program, database_url, str(tmp_path), *arguments],
            env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ready(*processes):
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * len(processes)

    def kill(process):
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    for _ in range(KILLS):
        begun = [begin(TELL, str(EPISODES)), begin(PUMP), begin(PUMP)]
        ready(*begun)
        time.sleep(chance.uniform(0.05, 0.8))
        for each in begun:
            kill(each)
    last_teller, last_pump = begin(TELL, str(EPISODES)), begin(PUMP)
    try:
        assert last_teller.wait(timeout=120) == 0
        until = time.monotonic() + 120
        while (left := ask(database_url, "SELECT count(*) FROM episodes WHERE state <> 'stored'")) and time.monotonic() < until:
            time.sleep(0.2)
    finally:
        kill(last_pump)
        last_teller.communicate()

    assert left == 0
    assert ask(database_url, "SELECT count(*) FROM episodes") == EPISODES
    assert ask(database_url, "SELECT count(*) FROM knowledge_episodes") == EPISODES
    assert ask(database_url, "SELECT count(*) FROM knowledge_facts") == 2 * EPISODES
    assert ask(database_url, "SELECT count(*) FROM knowledge_mentions") == EPISODES
    assert ask(database_url, "SELECT count(*) FROM knowledge_entities") == 1


def ask(url, query):
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
