"""A worker that is told to end does so in its time, whatever became of the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.engine import Engine
from tests.fakes.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.postgres, pytest.mark.faults]

# Each place that waits for the database is given two seconds, and what is being sent twelve. Before, it did not end at all.
ENDS_IN_S = 60.0


@pytest.mark.parametrize("trouble", ["cut", "silent"])
async def test_a_worker_ends_though_the_database_is_away(begin, database_url, engine_at, story, trouble):
    epic = await begin()
    with TcpProxy(database_url) as proxy:
        behind = await engine_at(story(), database_url=proxy.url)
        installation = behind._installation
        dispatch = replace(installation.dispatch, drain_seconds=1.0)
        stop = asyncio.Event()
        worker = asyncio.create_task(Engine(replace(installation, dispatch=dispatch, draining=asyncio.Event())).work(stop))
        async with asyncio.timeout(60):
            while (await epic.engine.epic(epic.id)).status != "waiting":
                await asyncio.sleep(0.05)
        proxy.partition()
        if trouble == "cut":
            proxy.cut()

        stop.set()
        ended, _ = await asyncio.wait({worker}, timeout=ENDS_IN_S)

        proxy.heal()
        worker.cancel()
        await asyncio.wait({worker})
        assert ended
