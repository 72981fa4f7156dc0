"""The right of one worker to write one epic: taken, renewed, given back, all on the database's clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from db.connection import Connection, Pool
from db.failures import foreseen
from db.jobs import hint
from db.queries import QUERIES
from epics.errors import EpicHeld


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Who takes leases: a process on a host, told apart from an earlier process with the same number."""

    name: str
    host: str
    pid: int
    pid_started: str


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A lease that was granted; epoch and token are what every write asserts."""

    thread_id: str
    epoch: int
    token: UUID
    seconds: float
    asked_at: float = field(default_factory=time.monotonic)
    """When it was asked for, on the monotonic clock: the database's own count began later."""
    takeovers: int = 0
    """How many workers in a row died while they held it, and left the epic where it was."""
    died: str = ""
    """Who had it last and did not give it back; empty if it was given back."""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Which epics a worker may take."""

    most: int
    """Epics that may run at once in all of the database."""
    executors: Sequence[str]
    graph: int
    """The newest version of the graph that this code can carry on."""
    state: int
    """The newest version of the state that it can read."""
    but: Sequence[str] = ()
    """Epics that it leaves alone for now."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who has a lease now, and for how many seconds more."""

    epoch: int
    worker: Worker
    seconds_left: float


async def holder_of(pool: Pool, thread_id: str) -> Holder | None:
    """Who holds a live lease on this thread, if anybody does."""
    with foreseen():
        async with pool.connection() as connection:
            row = await (await connection.execute(QUERIES["lease_holder"], {"thread": thread_id})).fetchone()
    if row is None:
        return None
    return Holder(epoch=row["epoch"], worker=_worker(row), seconds_left=row["seconds_left"])


async def take_lease(pool: Pool, thread_id: str, worker: Worker, *, seconds: float, dead_epoch: int | None = None) -> Lease:
    """Take the lease of a thread: a new epoch, granted if no live lease stands in the way.

    When this returns, the epoch's update has committed: only now may the newest checkpoint be read (durability rule 1).

    Args:
        pool: connections to the database.
        thread_id: the thread, which is the epic's id.
        worker: who takes it.
        seconds: how long it runs unless it is renewed.
        dead_epoch: the epoch of a live lease whose holder is proved to be dead, which then does not stand in the way.

    Raises:
        EpicHeld: if another worker's lease is live.
    """
    with foreseen():
        async with pool.connection() as connection:
            lease = await take_lease_on(connection, thread_id, worker, seconds=seconds, dead_epoch=dead_epoch)
    if lease is None:
        holder = await holder_of(pool, thread_id)
        raise EpicHeld(thread_id, holder.worker.name if holder else "another worker", holder.seconds_left if holder else 0)
    return lease


async def take_lease_on(
    connection: Connection, thread_id: str, worker: Worker, *, seconds: float, dead_epoch: int | None = None
) -> Lease | None:
    """As `take_lease`, on the caller's connection; None if another worker's lease is live."""
    asking = _asking(worker, seconds)
    asked_at = time.monotonic()
    arguments = {**asking, "thread": thread_id, "dead_epoch": dead_epoch}
    row = await (await connection.execute(QUERIES["take_lease"], arguments)).fetchone()
    return None if row is None else _lease(row, thread_id, asking, asked_at)


async def claim_epic(pool: Pool, worker: Worker, admission: Admission, *, seconds: float) -> Lease | None:
    """Take the lease of the oldest epic that can be run and that nobody holds; None if there is none, or enough are running.

    Whoever claims at the same time waits for us, so that the bound holds over all workers.
    """
    asking = _asking(worker, seconds)
    asked_at = time.monotonic()
    arguments = {
        **asking,
        "most": admission.most,
        "executors": list(admission.executors),
        "graph": admission.graph,
        "state": admission.state,
        "but": list(admission.but),
    }
    with foreseen():
        async with pool.connection() as connection:
            row = await (await connection.execute(QUERIES["claim_epic"], arguments)).fetchone()
    return None if row is None else _lease(row, row["epic_id"], asking, asked_at)


async def leases_of_host(pool: Pool, host: str) -> list[tuple[str, Holder]]:
    """The leases that processes of one host did not give back, live or run out, each with its thread."""
    with foreseen():
        async with pool.connection() as connection:
            rows = await (await connection.execute(QUERIES["leases_of_host"], {"host": host})).fetchall()
    return [(row["thread_id"], Holder(epoch=row["epoch"], worker=_worker(row), seconds_left=row["seconds_left"])) for row in rows]


async def end_dead_lease(pool: Pool, thread_id: str, epoch: int) -> None:
    """End the lease of a process that is proved to be dead, so that any worker can take the epic."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["end_dead_lease"], {"thread": thread_id, "epoch": epoch})


async def tidy_leases(pool: Pool) -> None:
    """Forget who had the epics that have ended, where that worker died before it gave the lease back."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["tidy_leases"])


async def release_lease(pool: Pool, lease: Lease, *, unless_asked: bool = False, hand_over: bool = False) -> bool:
    """Give a lease back, if it is still ours; the epoch stays, so that a late write of ours is refused for ever.

    Args:
        pool: connections to the database.
        lease: what is given back.
        unless_asked: keep it where a cancel or a decision has come that is not applied yet, and say False. Whoever asks after the look
            finds the lease free: his take-over waits for our transaction.
        hand_over: leave a hint in the same transaction, so that another worker goes on at once.
    """
    key = {"thread": lease.thread_id}
    with foreseen():
        # One statement needs no transaction of its own.
        async with pool.connection() as connection, connection.transaction() if unless_asked or hand_over else nullcontext():
            if unless_asked:
                # Locked first: the look is then a statement of its own, and sees all that was asked of a holder who still had it.
                await connection.execute(QUERIES["lock_lease"], key)
                if await (await connection.execute(QUERIES["asked_of_epic"], key)).fetchone() is not None:
                    return False
            await connection.execute(QUERIES["release_lease"], {**key, "epoch": lease.epoch, "token": lease.token})
            if hand_over:
                await hint(connection, lease.thread_id)
            return True


def _asking(worker: Worker, seconds: float) -> dict[str, Any]:
    return {
        "token": uuid4(),
        "worker": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "pid_started": worker.pid_started,
        "seconds": seconds,
    }


def _lease(row: dict[str, Any], thread_id: str, asking: dict[str, Any], asked_at: float) -> Lease:
    return Lease(
        thread_id=thread_id,
        epoch=row["epoch"],
        token=asking["token"],
        seconds=asking["seconds"],
        asked_at=asked_at,
        takeovers=row["takeovers"],
        died=row["died"],
    )


def _worker(row: dict[str, Any]) -> Worker:
    return Worker(name=row["worker"], host=row["host"], pid=row["pid"], pid_started=row["pid_started"])
