"""Followers hear of events that were committed, from whichever process."""

from __future__ import annotations

import asyncio

from db.connection import Database, open_database
from db.epics import insert_epic, record_event
from db.leases import Worker, take_lease
from db.notifications import LOOK_S, listening
from epics.state import GRAPH_VERSION

WORKER = Worker(name="w", host="h", pid=1, pid_started="now")
END_LISTENERS = b"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'genie listen' AND datname = current_database()
"""
EPIC = {
    "id": "e-0123456789",
    "goal": "Greet people",
    "repo": "/nowhere",
    "base": "main",
    "base_commit": "0" * 40,
    "budget_usd": None,
    "executor": None,
    "model": None,
    "autonomy": "auto",
    "auto_approve": False,
    "labels": {},
    "graph_version": GRAPH_VERSION,
}


async def test_a_write_wakes_the_followers_of_its_epic_in_another_process_and_no_others(database: Database, database_url, tmp_path):
    await insert_epic(database.pool, EPIC)
    lease = await take_lease(database.pool, EPIC["id"], WORKER, seconds=60)
    async with open_database(database_url, tmp_path, migrate=False) as other, listening(other.dsn) as listener:
        with listener.following(EPIC["id"]) as woken, listener.following("e-zzzzzzzzzz") as elsewhere:
            await first_look(woken)
            await record_event(database.pool, lease, "told", {})
            async with asyncio.timeout(30):
                await woken.wait()

            assert not elsewhere.is_set()
            assert listener.followers == 2
        assert listener.followers == 0


async def test_what_nobody_announced_is_found_by_looking(database: Database):
    await insert_epic(database.pool, EPIC)
    async with listening(database.dsn) as listener:
        with listener.following(EPIC["id"]) as woken:
            await first_look(woken)
            async with database.pool.connection() as connection:
                await connection.execute(b"SELECT add_events('e-0123456789', '[{\"type\": \"told\"}]')")
            async with asyncio.timeout(30):
                await woken.wait()


async def test_a_connection_that_is_lost_is_made_again(database: Database):
    await insert_epic(database.pool, EPIC)
    async with listening(database.dsn) as listener:
        with listener.following(EPIC["id"]) as woken:
            await first_look(woken)
            async with database.pool.connection() as connection:
                await connection.execute(END_LISTENERS)
                await connection.execute(b"SELECT add_events('e-0123456789', '[{\"type\": \"told\"}]')")
            async with asyncio.timeout(30):
                await woken.wait()
                while not listener.is_listening:
                    await asyncio.sleep(LOOK_S / 10)


async def first_look(woken: asyncio.Event) -> None:
    """A follower is woken once when he begins to follow, since nobody knows how far he has read."""
    async with asyncio.timeout(30):
        await woken.wait()
    woken.clear()
