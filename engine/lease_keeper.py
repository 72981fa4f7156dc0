"""Holding an epic while it runs: its lease is taken, kept by a renewal, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from db.connection import Database
from db.leases import Lease, holder_of, release_lease, take_lease
from db.renewal import Renewal, Watch
from engine.identity import is_dead, this_worker
from epics.errors import EpicHeld, StoreUnavailable

_TICK_S = 0.5
_HANG_LIMIT_S = 30.0
_CANCELLED_TAKES_S = 2.0
"""How long a lease that is being taken is waited for where nobody wants it any more."""


class Hold:
    """A held epic: what happened to the lease meanwhile, for whoever runs the epic."""

    def __init__(self, lease: Lease) -> None:
        """Begin with a lease that is ours."""
        self.lease = lease
        self.lost: str | None = None
        """Why the lease is lost, if it is."""
        self.stop_asked = False
        self.came_to: int | None = None
        """The moment that the epic had reached when it was driven last."""
        self.handed_over = False
        """Whether the epic is left before its end, for any worker to go on with."""
        self._stop = asyncio.Event()
        self._ticked = time.monotonic()

    async def stopped(self) -> None:
        """Wait until the lease is lost, or a cancel or a rollback is asked for."""
        await self._stop.wait()

    def go_on(self) -> None:
        """Let the epic be driven again, after what was asked of it is done or refused."""
        if self.lost is None:
            self.stop_asked = False
            self._stop.clear()

    async def tick(self) -> None:
        """Show for ever that the event loop is alive."""
        while True:
            self._ticked = time.monotonic()
            await asyncio.sleep(_TICK_S)

    def watch(self, loop: asyncio.AbstractEventLoop) -> Watch:
        """What the renewing thread tells this hold, handed over to the event loop."""

        def stop() -> None:
            # A loop that is closed runs nothing that could be stopped.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stop.set)

        def lost(reason: str) -> None:
            self.lost = reason
            stop()

        def stop_asked() -> None:
            self.stop_asked = True
            stop()

        return Watch(lost=lost, stop_asked=stop_asked, ticked=lambda: self._ticked)


@asynccontextmanager
async def hold_epic(database: Database, epic_id: str, *, seconds: float, lease: Lease | None = None) -> AsyncGenerator[Hold]:
    """Hold the lease of an epic, from a dead process of this host at once, from any other only when its lease has run out.

    Args:
        database: where the lease is.
        epic_id: the epic.
        seconds: how long the lease runs unless it is renewed.
        lease: the lease, if it was taken already.

    Raises:
        EpicHeld: if a live worker has it.
    """
    lease = lease or await _take_or_leave(database, epic_id, seconds=seconds)
    hold = Hold(lease)
    renewal = Renewal(database.dsn, lease, hold.watch(asyncio.get_running_loop()), hang_limit_s=_HANG_LIMIT_S)
    ticking = asyncio.create_task(hold.tick(), name=f"tick-{epic_id}")
    renewal.start()
    try:
        yield hold
    except asyncio.CancelledError:
        hold.handed_over = True
        raise
    finally:
        ticking.cancel()
        renewal.stop()
        if hold.lost is None:
            await _release(database, lease, hand_over=hold.handed_over)


async def _take_or_leave(database: Database, epic_id: str, *, seconds: float) -> Lease:
    """Take the lease; cancelled meanwhile, give it back: nobody else knows of it, and it would keep the epic from all until it ends."""
    taking = asyncio.create_task(_take(database, epic_id, seconds=seconds), name=f"take-{epic_id}")
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        await asyncio.wait({taking}, timeout=_CANCELLED_TAKES_S)
        taking.cancel()
        await asyncio.wait({taking})
        if not taking.cancelled() and taking.exception() is None:
            await _release(database, taking.result(), hand_over=True)
        raise


async def _take(database: Database, epic_id: str, *, seconds: float) -> Lease:
    worker = this_worker()
    try:
        return await take_lease(database.pool, epic_id, worker, seconds=seconds)
    except EpicHeld:
        holder = await holder_of(database.pool, epic_id)
        if holder is not None and not is_dead(holder.worker):
            raise
        dead_epoch = holder.epoch if holder is not None else None
        return await take_lease(database.pool, epic_id, worker, seconds=seconds, dead_epoch=dead_epoch)


async def let_go(database: Database, lease: Lease) -> bool:
    """Give the lease back, unless something was asked of the epic that is not done yet; say whether it is given back."""
    try:
        return await release_lease(database.pool, lease, unless_asked=True)
    except StoreUnavailable:
        # As in `_release`: the lease ends by itself, and what was asked is found by whoever takes the epic next.
        return True


async def _release(database: Database, lease: Lease, *, hand_over: bool) -> None:
    try:
        await release_lease(database.pool, lease, hand_over=hand_over)
    except StoreUnavailable:
        # It ends by itself; what must be said about the database, the work under the lease has said already.
        return
