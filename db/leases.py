"""The right of one worker to write one epic: taken, renewed, given back, all on the database's clock."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from uuid import UUID, uuid4

from db.connection import Pool
from db.failures import foreseen
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
    worker = Worker(name=row["worker"], host=row["host"], pid=row["pid"], pid_started=row["pid_started"])
    return Holder(epoch=row["epoch"], worker=worker, seconds_left=row["seconds_left"])


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
    token = uuid4()
    arguments = {
        "thread": thread_id,
        "token": token,
        "worker": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "pid_started": worker.pid_started,
        "seconds": seconds,
        "dead_epoch": dead_epoch,
    }
    with foreseen():
        async with pool.connection() as connection:
            row = await (await connection.execute(QUERIES["take_lease"], arguments)).fetchone()
    if row is None:
        holder = await holder_of(pool, thread_id)
        raise EpicHeld(thread_id, holder.worker.name if holder else "another worker", holder.seconds_left if holder else 0)
    return Lease(thread_id=thread_id, epoch=row["epoch"], token=token, seconds=seconds)


async def release_lease(pool: Pool, lease: Lease, *, unless_asked: bool = False) -> bool:
    """Give a lease back, if it is still ours; the epoch stays, so that a late write of ours is refused for ever.

    Args:
        pool: connections to the database.
        lease: what is given back.
        unless_asked: keep it where a cancel or a decision has come that is not applied yet, and say False. Whoever asks after the look
            finds the lease free: his take-over waits for our transaction.
    """
    key = {"thread": lease.thread_id}
    with foreseen():
        # One statement needs no transaction of its own.
        async with pool.connection() as connection, connection.transaction() if unless_asked else nullcontext():
            if unless_asked:
                # Locked first: the look is then a statement of its own, and sees all that was asked of a holder who still had it.
                await connection.execute(QUERIES["lock_lease"], key)
                if await (await connection.execute(QUERIES["asked_of_epic"], key)).fetchone() is not None:
                    return False
            await connection.execute(QUERIES["release_lease"], {**key, "epoch": lease.epoch, "token": lease.token})
            return True
