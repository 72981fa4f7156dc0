"""Checkpoints come after all that are stored, whatever the clock of the host says and whichever checkpoint was loaded (rule 4)."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TypedDict

import langgraph.checkpoint.base.id as checkpoint_clock
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from db.connection import Database
from db.leases import Lease, take_lease
from db.saver import FencedSaver
from tests.integration.durability.writing import HERE, LONG_S, put, rows, take_over

pytestmark = pytest.mark.postgres

HOUR_NS = 3_600_000_000_000


class Count(TypedDict):
    """How far a graph has come."""

    n: int


@pytest.fixture
def a_slow_host(monkeypatch):
    """From the call on, this process is one that has just started on a host whose clock is an hour slow."""

    def begin() -> None:
        monkeypatch.setattr(checkpoint_clock, "_last_v6_timestamp", None)
        monkeypatch.setattr(checkpoint_clock, "time", SimpleNamespace(time_ns=lambda: time.time_ns() - HOUR_NS))

    return begin


def _count(state: Count) -> Count:
    return {"n": state["n"] + 1}


def _graph(database: Database, lease: Lease):
    graph = StateGraph(Count)
    for name, then in (("one", "two"), ("two", "three"), ("three", END)):
        graph.add_node(name, _count)
        graph.add_edge(name, then)
    graph.add_edge(START, "one")
    return graph.compile(checkpointer=FencedSaver(database.pool, lease), interrupt_before=["three"])


def _config(lease: Lease) -> RunnableConfig:
    return {"configurable": {"thread_id": lease.thread_id}}


async def test_a_worker_with_a_slow_clock_goes_on_from_the_newest_state_and_is_seen_to(database, lease, a_slow_host):
    await _graph(database, lease).ainvoke({"n": 0}, _config(lease), durability="sync")
    a_slow_host()
    there = await take_over(database.pool, lease)

    await _graph(database, there).ainvoke(None, _config(lease), durability="sync")

    seen = await _graph(database, there).aget_state(_config(lease))
    assert (seen.values, seen.next) == ({"n": 3}, ())


async def test_going_back_to_an_older_checkpoint_on_a_slow_clock_makes_the_newest(database, lease, a_slow_host):
    graph = _graph(database, lease)
    await graph.ainvoke({"n": 0}, _config(lease), durability="sync")
    older = [state.config async for state in graph.aget_state_history(_config(lease))][-1]
    a_slow_host()
    there = await take_over(database.pool, lease)

    await _graph(database, there).aupdate_state(older, {"n": 40}, as_node="two")

    seen = await _graph(database, there).aget_state(_config(lease))
    assert (seen.values, seen.next) == ({"n": 40}, ("three",))


async def test_the_next_id_comes_after_all_of_the_thread_whichever_checkpoint_was_loaded(database, lease, a_slow_host):
    # LangGraph looks at the newest checkpoint of its own namespace when it goes back; the saver promises more, and to whoever loads.
    saver = FencedSaver(database.pool, lease)
    older = await put(saver, lease.thread_id, {"n": 1})
    await put(saver, lease.thread_id, {"n": 2}, {"configurable": {"thread_id": lease.thread_id, "checkpoint_ns": "inside"}})
    newest = (await rows(database.pool, "SELECT max(checkpoint_id) AS id FROM checkpoints"))[0]["id"]
    a_slow_host()

    await FencedSaver(database.pool, await take_over(database.pool, lease)).aget_tuple(older)

    assert str(checkpoint_clock.uuid6(clock_seq=-2)) > newest


async def test_the_clock_of_one_epic_does_not_go_back_for_that_of_another(database, lease, new_epic, a_slow_host):
    await _graph(database, lease).ainvoke({"n": 0}, _config(lease), durability="sync")
    a_slow_host()
    other = await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S)
    await _graph(database, other).ainvoke({"n": 0}, _config(other), durability="sync")
    monotonic = checkpoint_clock._last_v6_timestamp

    await _graph(database, await take_over(database.pool, lease)).aget_state(_config(lease))
    await _graph(database, other).aget_state(_config(other))

    assert checkpoint_clock._last_v6_timestamp > monotonic
