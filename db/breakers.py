"""Which agents are left out for a while because they kept failing: one row for each, shared by all workers, on the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.queries import QUERIES

PROBE_S: Final = 900.0
"""For so long nobody but the run that tries an agent again tries it; it is over earlier when that run ends."""
LONGEST_PAUSE_S: Final = 3_600.0
_MOST_PROBLEM: Final = 500


@dataclass(frozen=True, kw_only=True)
class Breaking:
    """When an agent is left out, and for how long at first."""

    failures: int = 5
    """In a row; 0 for never."""
    seconds: float = 60.0
    """Twice as long each time that it fails again when it is tried."""


async def pass_breaker(pool: Pool, agent: str, run_id: str) -> float:
    """The seconds that a run has to wait for its agent; 0 if it may have it now, which may make it the one that tries it again."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["mark_breaker"], {"agent": agent, "run": run_id})
            asked = await connection.execute(QUERIES["pass_breaker"], {"agent": agent, "run": run_id, "probe_s": PROBE_S})
            row = await asked.fetchone()
            return float(row["wait_s"]) if row is not None else 0.0


async def note_agent(connection: Connection, run_id: str, breaking: Breaking, *, worked: bool | None, problem: str = "") -> None:
    """Keep what a run says about its agent, in the transaction that ends the run or puts it off; None if it says nothing."""
    values = {"most": breaking.failures, "first_s": breaking.seconds, "longest_s": LONGEST_PAUSE_S}
    await connection.execute(QUERIES["note_agent"], {**values, "run": run_id, "worked": worked, "problem": problem[:_MOST_PROBLEM]})


async def broken_agents(pool: Pool) -> list[Row]:
    """The agents that failed lately, by name; those with `open_until` are left out."""
    return await fetch_all(pool, "list_breakers", {})


async def reset_breaker(pool: Pool, agent: str) -> bool:
    """Let an agent be used again at once; False if nothing was against it. Audited."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES["reset_breaker"], {"agent": agent})).fetchone()
            if row is not None:
                await audited(connection, "reset", kind="agent", subject=agent)
            return row is not None
