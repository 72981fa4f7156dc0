"""A worker: takes the epics that can be run, oldest first, runs several at once, and leaves none half done when it is told to end.

Jobs are hints that wake it; what there is to do it reads from the rows (durability rules 10 and 13).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final
from uuid import UUID, uuid4

import structlog

from db.epics import fetch_one
from db.hearing import hear_hints
from db.leases import Admission, Lease, claim_epic, release_lease
from db.workers import Beat, beat, leave
from engine.able import Able
from engine.admission import why_no_room
from engine.advancing import advance_epic
from engine.approvals.sweeping import run_approvals
from engine.assembling import Installation
from engine.compatibility import flag_strange_epics
from engine.container_sweep import run_container_sweep
from engine.identity import this_worker
from engine.knowledge.pump import run_knowledge
from engine.leftovers import run_tidying
from engine.outbox import run_outbox
from engine.posting import TIMEOUT_S
from engine.resting import Rests
from engine.retention import run_retention
from engine.routing.sweeping import run_asks
from engine.sweeping import bury_the_dead, tidy
from epics.errors import EpicHeld, GenieError, LeaseLost, StoreUnavailable
from graphs.epic import compile_epic_graph

SWEEP_S: Final = 1.0
BEAT_S: Final = 2.0
TIDY_S: Final = 60.0
_STORE_AWAY_S: Final = 1.0
_ENDS_IN_S: Final = 2.0
"""What only the database keeps from its end is not waited for longer, in a process that is to end."""
_BESIDE_ENDS_IN_S: Final = TIMEOUT_S + _ENDS_IN_S
"""Longer than a message takes that is being sent."""


@dataclass(kw_only=True)
class _At:
    """When each of the things that are done now and then was done last."""

    beat: float = field(default=-1e9)
    tidy: float = field(default=-1e9)


class Worker:
    """Runs epics until it is stopped; `run_worker` is how to use it."""

    def __init__(self, installation: Installation, *, concurrency: int | None = None) -> None:
        """Bind to an installation; nothing runs yet."""
        self._installation = installation
        self._pool = installation.database.pool
        self._concurrency = concurrency or installation.dispatch.concurrency
        self._id: UUID = uuid4()
        self._name = this_worker().name
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rests = Rests()
        self._able = Able(installation.executors)
        self._woken = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._done_at = _At()
        self._holding_back = ""
        self._log = structlog.get_logger().bind(worker=self._name)

    async def run(self, stop: asyncio.Event) -> None:
        """Take epics until `stop` is set, then let the running steps end or hand them over; a cancel stops at once, in good order."""
        await self._prepare()
        hearing = asyncio.create_task(self._hear(), name="hear-hints")
        stopping = asyncio.create_task(stop.wait(), name="worker-stop")
        self._log.info("the worker is ready", concurrency=self._concurrency)
        try:
            while not stop.is_set():
                await self._sweep_until_told(stopping)
                await self._until_woken(stopping)
            # First of all: what we hand over must wake others, not us.
            self._room.set()
            hearing.cancel()
            await asyncio.wait({hearing}, timeout=_ENDS_IN_S)
            await self._drain()
        finally:
            self._room.set()
            for task in (hearing, stopping):
                task.cancel()
            await self._stop_at_once()
            await asyncio.wait({hearing, stopping}, timeout=_ENDS_IN_S)
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_ENDS_IN_S):
                    await leave(self._pool, self._id)
            self._log.info("the worker has ended")

    async def _prepare(self) -> None:
        """Import what takes seconds before the first epic waits for it, and flag the epics that would be stranded here."""
        for name in self._installation.executors:
            await asyncio.to_thread(self._installation.executors.__getitem__, name)
        compile_epic_graph()
        with contextlib.suppress(StoreUnavailable):
            for epic in await flag_strange_epics(self._pool, self._installation.release):
                self._log.warning("an epic is paused that no Genie up to this one can carry on", epic=epic.id, why=epic.why)

    async def _hear(self) -> None:
        """Be woken by hints; without them, the sweeps find everything a little later."""
        while True:
            try:
                await hear_hints(self._installation.database.dsn, self._heard)
            except StoreUnavailable as error:
                self._log.warning("no hints are heard at the moment", error=str(error))
            except Exception as error:  # noqa: BLE001  # a library's worker that breaks must not end ours
                self._log.warning("hearing hints broke off", error=repr(error)[:300])
            # The library raises what it met on its way out in place of the cancel: it would be heard on, and waited for, for ever.
            if (this := asyncio.current_task()) is not None and this.cancelling():
                raise asyncio.CancelledError
            await asyncio.sleep(_STORE_AWAY_S)

    async def _heard(self, epic_id: str) -> None:
        """Wake up; whoever is full keeps no further hint from the others."""
        del epic_id
        self._woken.set()
        await self._room.wait()

    async def _until_woken(self, stopping: asyncio.Task[bool]) -> None:
        woken = asyncio.create_task(self._woken.wait(), name="worker-woken")
        await asyncio.wait({woken, stopping}, timeout=SWEEP_S, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        await asyncio.wait({woken})
        self._woken.clear()

    async def _sweep_until_told(self, stopping: asyncio.Task[bool]) -> None:
        """Look, but do not wait for a database that says nothing once the worker is to end."""
        sweeping = asyncio.create_task(self._sweep(), name="worker-sweep")
        try:
            await asyncio.wait({sweeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
            # A claim that is answered now is heard.
            await asyncio.wait({sweeping}, timeout=_ENDS_IN_S)
        finally:
            sweeping.cancel()
            await asyncio.wait({sweeping})
        if not sweeping.cancelled():
            sweeping.result()

    async def _sweep(self) -> None:
        """One look at everything; the store may be away, which the next look finds out."""
        try:
            await bury_the_dead(self._pool)
            await self._take_epics()
            await self._show()
        except StoreUnavailable as error:
            self._log.warning("the worker cannot reach the database", error=str(error))

    async def _take_epics(self) -> None:
        now = time.monotonic()
        while len(self._running) < self._concurrency:
            self._holding_back = why_no_room(self._installation.dispatch.min_free_mb)
            # One at least may run: else a machine with little memory would never do anything.
            if self._holding_back and self._running:
                break
            admission = Admission(
                most=self._installation.dispatch.most_running,
                executors=await self._able.names(),
                graph=self._installation.release.graph,
                state=self._installation.release.state,
                but=(*self._running, *self._rests.resting(now)),
            )
            lease = await claim_epic(self._pool, this_worker(), admission, seconds=self._installation.lease_seconds)
            if lease is None:
                break
            self._begin(lease)
        if len(self._running) >= self._concurrency:
            self._room.clear()

    def _begin(self, lease: Lease) -> None:
        task = asyncio.create_task(self._run_one(lease), name=f"advance-{lease.thread_id}")
        self._running[lease.thread_id] = task
        task.add_done_callback(lambda _: self._ended(lease.thread_id))

    def _ended(self, epic_id: str) -> None:
        del self._running[epic_id]
        self._room.set()
        self._woken.set()

    async def _run_one(self, lease: Lease) -> None:
        await self._advance(lease)
        with contextlib.suppress(StoreUnavailable):
            row = await fetch_one(self._pool, "epic_facts", {"epic": lease.thread_id}) or {}
            self._rests.ended(lease.thread_id, row.get("moment"), time.monotonic())

    async def _advance(self, lease: Lease) -> None:
        try:
            await advance_epic(self._installation, lease.thread_id, lease=lease)
        except asyncio.CancelledError:
            # Cancelled before its first step, nobody else gives the lease back.
            with contextlib.suppress(StoreUnavailable):
                await release_lease(self._pool, lease, hand_over=True)
        except (EpicHeld, LeaseLost) as error:
            self._log.info("another worker has the epic", epic=lease.thread_id, why=str(error))
        except GenieError as error:
            self._log.warning("an epic could not be advanced", epic=lease.thread_id, error=str(error))
            await self._give_back(lease)
        except Exception as error:  # noqa: BLE001  # one epic must not end the worker with all the others
            self._log.exception("an epic could not be advanced", epic=lease.thread_id, error=repr(error)[:500])
            await self._give_back(lease)

    async def _give_back(self, lease: Lease) -> None:
        """Give back a lease that was claimed, where nobody else did: it would run out, and count as a death."""
        with contextlib.suppress(StoreUnavailable):
            await release_lease(self._pool, lease)

    async def _show(self) -> None:
        now = time.monotonic()
        if now - self._done_at.beat >= BEAT_S:
            self._done_at.beat = now
            await beat(
                self._pool,
                Beat(
                    id=self._id,
                    worker=this_worker(),
                    version=version("genie-orchestrator"),
                    concurrency=self._concurrency,
                    running=len(self._running),
                    draining=self._installation.draining.is_set(),
                    holding_back=self._holding_back,
                ),
            )
        if now - self._done_at.tidy >= TIDY_S:
            self._done_at.tidy = now
            await tidy(self._pool)

    async def _drain(self) -> None:
        """Let what runs come to the end of its step; what takes too long is stopped, and any worker goes on with it."""
        self._installation.draining.set()
        until = time.monotonic() + self._installation.dispatch.drain_seconds
        self._log.info("the worker is ending", running=len(self._running), grace_s=self._installation.dispatch.drain_seconds)
        self._done_at.beat = -1e9
        while self._running and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(left):
                    await self._show()
            # The last of them may have ended meanwhile.
            if running := set(self._running.values()):
                await asyncio.wait(running, timeout=min(left, BEAT_S))

    async def _stop_at_once(self) -> None:
        # A task that is cancelled before its first step gives nothing back: let each take it.
        await asyncio.sleep(0)
        tasks = set(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def run_worker(installation: Installation, *, stop: asyncio.Event, concurrency: int | None = None) -> None:
    """Run a worker in this process until `stop` is set: it drains then, and returns within the grace time of the settings.

    Cancel it to stop at once; every epic can be gone on with then too.

    Args:
        installation: where it runs.
        stop: set to drain.
        concurrency: epics at once; that of the settings if None.
    """
    beside = {
        asyncio.create_task(run_outbox(installation, stop), name="outbox"),
        asyncio.create_task(run_tidying(installation, stop), name="tidying"),
        asyncio.create_task(run_container_sweep(installation, stop), name="container-sweep"),
        asyncio.create_task(run_knowledge(installation, stop), name="knowledge"),
        asyncio.create_task(run_approvals(installation.database.pool, stop), name="approvals"),
        asyncio.create_task(run_asks(installation, stop), name="asks"),
    }
    if installation.retention is not None:
        beside.add(asyncio.create_task(run_retention(installation.database.pool, installation.retention, stop), name="retention"))
    try:
        await Worker(installation, concurrency=concurrency).run(stop)
        await asyncio.wait(beside, timeout=_BESIDE_ENDS_IN_S)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
