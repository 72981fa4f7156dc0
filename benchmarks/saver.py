"""What a step costs: Genie's fenced saver with lease, projection, moments and events, beside bare LangGraph with a stock saver per run."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg_pool import AsyncConnectionPool

from db.connection import CONNECTION_KWARGS, Connection, Database, open_database
from db.epics import insert_epic
from engine.checkpoints import saver_for
from engine.lease_keeper import hold_epic
from epics.ids import new_id
from epics.state import GRAPH_VERSION, EpicState, StepRecord
from epics.steps import Step
from epics.verdicts import Plan

STEPS: Final = 12
_ROUNDS: Final = 24
AT_ONCE: Final = 16
_ROUNDS_AT_ONCE: Final = 6
_TARGET: Final = 0.9
SHA: Final = "0123456789abcdef0123456789abcdef01234567"

Runs = Callable[[int], Awaitable[float]]


def measure() -> list[dict[str, Any]]:
    """Time per step, alone and with 16 epics at once, each against the stock saver in alternating rounds of the same run."""
    with tempfile.TemporaryDirectory() as home:
        return asyncio.run(_measure(Path(home)))


async def _measure(home: Path) -> list[dict[str, Any]]:
    async with open_database(None, home) as database:
        async with stock_pool(database.dsn) as pool:
            both = (partial(genie_runs, database), partial(stock_runs, pool))
            await _compared(*both, rounds=4, at_once=AT_ONCE)
            alone = await _compared(*both, rounds=_ROUNDS, at_once=1)
            crowd = await _compared(*both, rounds=_ROUNDS_AT_ONCE, at_once=AT_ONCE)
        return [_figure("overhead per step, alone", alone), _figure(f"overhead per step, {AT_ONCE} epics at once", crowd)]


def stock_pool(dsn: str) -> AsyncConnectionPool[Connection]:
    """A pool of its own for the stock saver, as large as Genie's and with the arguments that the saver needs to outlive a restart."""
    return AsyncConnectionPool[Connection](
        dsn, open=False, min_size=1, max_size=10, check=AsyncConnectionPool[Connection].check_connection, kwargs=CONNECTION_KWARGS
    )


async def _compared(ours: Runs, stock: Runs, *, rounds: int, at_once: int) -> tuple[float, float, float]:
    """Milliseconds per step of both, and the median of the ratios of neighbours."""
    pairs = []
    for number in range(rounds):
        # In turn first and second, so that neither always meets the warmer caches.
        order = (stock, ours) if number % 2 else (ours, stock)
        seconds = {runs: await runs(at_once) for runs in order}
        pairs.append((seconds[ours], seconds[stock]))
    per_step = 1000 / (STEPS * at_once)
    medians = [statistics.median(values) * per_step for values in zip(*pairs, strict=True)]
    return medians[0], medians[1], statistics.median(first / second for first, second in pairs)


async def genie_runs(database: Database, at_once: int) -> float:
    """Seconds that so many epics take at once, each under a lease of its own; their rows are there before."""
    ids = [await new_epic(database) for _ in range(at_once)]

    async def run(epic_id: str) -> None:
        async with hold_epic(database, epic_id, seconds=10) as hold:
            await _drive(saver_for(database, hold.lease), epic_id)

    return await timed([run(epic_id) for epic_id in ids])


async def stock_runs(pool: AsyncConnectionPool[Connection], at_once: int) -> float:
    """Seconds that so many threads take at once, each with a stock saver of its own."""
    return await timed([_drive(AsyncPostgresSaver(pool), str(uuid4())) for _ in range(at_once)])


async def timed(runs: list[Coroutine[Any, Any, None]]) -> float:
    """Seconds that all of them take, begun at once."""
    begun = time.perf_counter()
    await asyncio.gather(*runs)
    return time.perf_counter() - begun


async def new_epic(database: Database) -> str:
    """The id of an epic that has a row and nothing else."""
    values = {"goal": "measure", "repo": "/nowhere", "base": "main", "base_commit": SHA, "graph_version": GRAPH_VERSION}
    nothing = {"budget_usd": None, "executor": None, "model": None, "autonomy": "auto", "auto_approve": False, "labels": {}}
    while not await insert_epic(database.pool, {**values, **nothing, "id": (epic_id := new_id("e"))}):
        continue
    return epic_id


async def _drive(saver: BaseCheckpointSaver[str], thread: str) -> None:
    graph = _GRAPH.compile(checkpointer=saver)
    start = EpicState(step=Step.PLANNING, base=SHA, head=SHA)
    await graph.ainvoke(start, {"configurable": {"thread_id": thread}}, durability="sync")


async def _node(state: EpicState) -> dict[str, Any]:
    n = (state.rounds.get("n", 0)) + 1
    record = StepRecord(step=Step.IMPLEMENT, outcome="done", workflow="implement", attempt=n, branch="genie/e/implement/attempt_1")
    return {"step": Step.TEST, "head": f"{n:040x}", "last": record, "rounds": {"n": n}, "plan": state.plan or PLAN}


def _build() -> StateGraph[EpicState, None, EpicState, EpicState]:
    graph = StateGraph(EpicState)
    names = [f"step_{n}" for n in range(STEPS)]
    for name in names:
        graph.add_node(name, _node)
    for here, there in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(here, there)
    return graph


def _figure(name: str, found: tuple[float, float, float]) -> dict[str, Any]:
    ours, stock, ratio = found
    return {
        "name": name,
        "value": round(ours, 3),
        "unit": "ms",
        "against": f"bare LangGraph with one AsyncPostgresSaver per run: {stock:.3f} ms",
        "ratio": round(ratio, 3),
        "target": _TARGET,
        "met": ratio <= _TARGET,
    }


PLAN: Final = Plan(summary="A plan.", tasks=("one", "two"), acceptance_criteria=("it works",))
_GRAPH: Final = _build()
