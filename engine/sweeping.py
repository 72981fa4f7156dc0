"""What a worker does again and again, so that nothing is stranded: end the leases of the dead, say that it lives, tidy up."""

from __future__ import annotations

import asyncio
import os

from db.connection import Pool
from db.identity import database_id
from db.jobs import tidy_jobs
from db.leased_values import sweep_values
from db.leases import end_dead_lease, leases_of_host, tidy_leases
from db.rates import forget_turns
from db.workers import forget_workers
from engine.identity import is_dead, is_stopped, this_worker
from engine.orphans import kill_descendants
from executors.mcp.marks import end_left_behind


async def bury_the_dead(pool: Pool) -> int:
    """End the leases of processes of this host that are provably dead, so that any worker can take their epics; say how many.

    The agents of one that is stopped (SIGSTOP) past its lease are killed: a process that sleeps is not dead, but has lost its epics.
    """
    me, buried = this_worker(), 0
    for thread_id, holder in await leases_of_host(pool, me.host):
        if holder.worker.pid == os.getpid():
            continue
        if holder.seconds_left > 0 and is_dead(holder.worker):
            await end_dead_lease(pool, thread_id, holder.epoch)
            buried += 1
        elif holder.seconds_left <= 0 and is_stopped(holder.worker):
            # It cannot stop its agents itself, and whoever takes its epics works on the same files.
            kill_descendants(holder.worker.pid)
    return buried


async def tidy(pool: Pool) -> None:
    """Delete jobs that are over, workers that died long ago, the last leases of epics that ended, and values that nobody has any more.

    MCP servers of workers of this host that are no more are ended, where the kernel has not done so.
    """
    await tidy_jobs(pool)
    await tidy_leases(pool)
    await forget_workers(pool)
    await forget_turns(pool)
    await sweep_values(pool)
    await asyncio.to_thread(end_left_behind, await database_id(pool))
