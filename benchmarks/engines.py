"""Steps per second of three ways to keep a run: Genie's saver, bare LangGraph with its own, and DBOS, on one server in one run."""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from dbos import DBOS

from benchmarks.saver import AT_ONCE, PLAN, STEPS, genie_runs, stock_pool, stock_runs, timed
from db.connection import open_database

_ROUNDS: Final = 8
_ROUNDS_AT_ONCE: Final = 4

Runs = Callable[[int], Awaitable[float]]


def measure() -> list[dict[str, Any]]:
    """Twelve empty steps that hand on the same plan, one run alone and 16 at once; the order of the three changes from round to round."""
    with tempfile.TemporaryDirectory() as home:
        return asyncio.run(_measure(Path(home)))


async def _measure(home: Path) -> list[dict[str, Any]]:
    async with open_database(None, home) as database, stock_pool(database.dsn) as pool:
        workflow = await asyncio.to_thread(_launched, database.dsn)
        try:
            runs: dict[str, Runs] = {
                "Genie": partial(genie_runs, database),
                "LangGraph": partial(stock_runs, pool),
                "DBOS": partial(_dbos_runs, workflow),
            }
            await _in_turn(runs, rounds=2, at_once=AT_ONCE)
            alone = await _in_turn(runs, rounds=_ROUNDS, at_once=1)
            crowd = await _in_turn(runs, rounds=_ROUNDS_AT_ONCE, at_once=AT_ONCE)
        finally:
            await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
    return [*_figures("alone", alone), *_figures(f"{AT_ONCE} at once", crowd)]


def _launched(dsn: str) -> Callable[[], Awaitable[int]]:
    """DBOS on a database of its own, of the same server, and the workflow that is measured."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dbos")
    # SQLAlchemy must be told which driver to take.
    url = urlsplit(dsn)._replace(scheme="postgresql+psycopg", path="/dbos").geturl()
    # The pool is as large as the others'. Its log tells each launch and each step.
    DBOS(config={"name": "bench", "system_database_url": url, "sys_db_pool_size": 10, "log_level": "ERROR", "enable_otlp": False})
    logging.getLogger("dbos").setLevel(logging.ERROR)

    @DBOS.step()
    async def step(n: int, plan: dict[str, Any]) -> dict[str, Any]:
        return {"n": n, "plan": plan}

    @DBOS.workflow()
    async def workflow() -> int:
        state = {"n": 0, "plan": PLAN.model_dump(mode="json")}
        for n in range(STEPS):
            state = await step(n + 1, state["plan"])
        return int(state["n"])

    DBOS.launch()
    return workflow


async def _dbos_runs(workflow: Callable[[], Awaitable[int]], at_once: int) -> float:
    async def run() -> None:
        if await workflow() != STEPS:
            message = "a workflow of DBOS did not come to its end"
            raise RuntimeError(message)

    return await timed([run() for _ in range(at_once)])


async def _in_turn(runs: dict[str, Runs], *, rounds: int, at_once: int) -> dict[str, list[float]]:
    """Seconds of each in every round; each is first, second and last equally often."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(await runs[name](at_once))
    return seconds


def _figures(how: str, seconds: dict[str, list[float]]) -> list[dict[str, Any]]:
    at_once = 1 if how == "alone" else AT_ONCE
    rates = {name: STEPS * at_once / statistics.median(values) for name, values in seconds.items()}
    return [
        {
            "name": f"steps per second, {how}",
            "value": round(rates["Genie"]),
            "unit": "/s",
            "against": f"{other}: {rates[other]:.0f} /s",
            # Of neighbours in one round, so that what else the machine does weighs on both.
            "ratio": round(statistics.median(b / a for a, b in zip(seconds["Genie"], seconds[other], strict=True)), 2),
            "target": None,
            "met": None,
        }
        for other in ("LangGraph", "DBOS")
    ]
