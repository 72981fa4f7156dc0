"""A graph database that is not there, and one whose writer is killed in the middle of an episode."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from epics.agent_errors import KnowledgeUnavailable
from epics.knowledge import Counts
from memory.opening import open_store
from memory.port import Query
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.knowing import episode

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
POOL: Any = None

KILLED_AT = 3
"""Which write of the episode the process does not live to see: after its entities, before all of its facts."""


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Support for class-based `config`", DeprecationWarning)
        yield


@pytest.mark.parametrize("scheme", ["bolt", "falkor"])
async def test_a_graph_database_that_is_not_there_is_said_to_be_so(scheme):
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        store = open_store("graphiti", POOL, HashingEmbedder(), graph_url=f"{scheme}://user:hidden@127.0.0.1:{taken.getsockname()[1]}")

        with pytest.raises(KnowledgeUnavailable, match="the graph database") as told:
            await store.search(Query(project="/repo", text="anything"))

    assert "hidden" not in str(told.value)


async def test_a_writer_killed_in_the_middle_leaves_nothing_and_its_episode_is_told_again_whole(tmp_path):
    graph = tmp_path / "graph"
    writer = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, str(graph)],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert writer.returncode == -signal.SIGKILL, writer.stderr

    store = open_store("graphiti", POOL, HashingEmbedder(), graph_url=f"kuzu://{graph}")
    assert await store.counts("/repo") == Counts()
    assert await store.add(_told())
    assert not await store.add(_told())

    assert await store.counts("/repo") == Counts(episodes=1, facts=3, entities=0)


async def test_words_find_alone_where_the_embedder_is_away(tmp_path):
    embedder = HashingEmbedder()
    store = open_store("graphiti", POOL, embedder, graph_url=f"kuzu://{tmp_path / 'graph'}")
    await store.add(episode("/repo", "The lamp is broken"))
    embedder.away = True

    found = await store.search(Query(project="/repo", text="which lamp"))

    assert [each.fact.text for each in found] == ["The lamp is broken"]


def _told() -> Any:
    return episode("/repo", "One thing", "Another thing", "A third thing", key="the-key")


async def _killed_while_telling(graph: str) -> None:
    from memory.graphiti.databases import open_driver
    from memory.graphiti.store import GraphitiStore

    driver: Any = await open_driver(f"kuzu://{graph}")
    asked = driver.execute_query
    writes = 0

    async def counted(query: str, **values: Any) -> Any:
        nonlocal writes
        answer = await asked(query, **values)
        writes += "MERGE" in query
        if writes == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    driver.execute_query = counted

    async def the_driver() -> Any:
        return driver

    await GraphitiStore(the_driver, HashingEmbedder()).add(_told())


if __name__ == "__main__":
    import asyncio

    asyncio.run(_killed_while_telling(sys.argv[1]))
