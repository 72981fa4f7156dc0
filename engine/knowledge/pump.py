"""The pump: stores what waits in the queue of episodes, and queues what epics taught since it looked last.

Any number of them may run, in any number of processes. What one has claimed no other stores until the claim is over; who is killed
between storing and noting it leaves an episode that is stored once more, and a store keeps each key once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import structlog

from db.connection import Pool
from db.episodes import Waiting, claim_episodes, episode_failed, episode_stored, give_back
from engine.assembling import Installation
from engine.learning.taking import take_marks
from epics.agent_errors import KnowledgeUnavailable
from epics.errors import StoreUnavailable
from memory.nothing import OFF
from memory.port import Forgetting, KnowledgeStore

_MOST_WAIT_S: Final = 1800.0
_DOUBLINGS: Final = 12


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long; times in seconds."""

    poll_s: float = 1.0
    each: int = 20
    """Episodes that are claimed together."""
    claim_s: float = 120.0
    """How long they are nobody else's: what is not stored by then others store, and so does what somebody had who was killed."""
    add_s: float = 60.0
    """How long a store may take for one."""
    first_wait_s: float = 5.0
    give_up_s: float = 24 * 3600.0
    tries: int = 5
    """How often one is tried that fails though the store answers."""
    embed_s: float = 60.0
    """How often facts without a vector are looked for."""
    ends_in_s: float = 5.0
    """How long the rest of the queue may take in a process that is to end."""


@runtime_checkable
class MakesVectors(Protocol):
    """A store that makes vectors later where it could not at once."""

    async def embed_missing(self) -> int:
        """Make some; how many."""
        ...


class Pump:
    """Stores episodes over one installation; `run_knowledge` is how a worker uses it, `settle` how a foreground does."""

    def __init__(self, installation: Installation, pace: Pace | None = None) -> None:
        """Bind to an installation."""
        self._pool: Pool = installation.database.pool
        self._store: KnowledgeStore = installation.knowledge
        self._pace = pace or Pace()
        self._embedded_at = -float("inf")

    @property
    def is_off(self) -> bool:
        """Whether there is nothing to do: what waits is kept until memory is on again."""
        return self._store.name == OFF

    async def once(self, project: str | None = None) -> int:
        """One look: queue what epics taught, store what is due; return how much there was of both.

        Raises:
            StoreUnavailable: if the database does not answer; nothing is lost.
        """
        marks = await take_marks(self._pool)
        until = time.monotonic() + self._pace.claim_s
        waiting = await claim_episodes(self._pool, seconds=self._pace.claim_s, most=self._pace.each, project=project)
        left = list(waiting)
        try:
            # Nothing is stored later than the claim lasts: who forgets an episode meanwhile counts on that.
            while left and (seconds := min(self._pace.add_s, until - time.monotonic())) > 0:
                await self._store_one(left[0], seconds)
                left.pop(0)
        finally:
            if left:
                # This process ends, or cannot go on: others need not wait for the claim to be over.
                with contextlib.suppress(StoreUnavailable):
                    await give_back(self._pool, {each.claim for each in left})
        return marks + len(waiting)

    async def make_vectors(self) -> None:
        """Make vectors that are missing, now and then; an embedder that is away is asked again later."""
        if time.monotonic() - self._embedded_at < self._pace.embed_s or not isinstance(self._store, MakesVectors):
            return
        self._embedded_at = time.monotonic()
        try:
            if await self._store.embed_missing():
                self._embedded_at = -float("inf")
        except Exception as error:  # noqa: BLE001  # as in `look`
            structlog.get_logger().info("vectors that are missing cannot be made now", error=repr(error)[:300])

    async def look(self, project: str | None = None) -> int:
        """As `once`, but what goes wrong is told in the log: nobody else is to fail of it."""
        try:
            return await self.once(project)
        except StoreUnavailable as error:
            structlog.get_logger().warning("the queue of episodes waits for the database", error=str(error))
        except Exception as error:  # noqa: BLE001  # what nobody foresaw must not end the pump of this process for good
            structlog.get_logger().error("the queue of episodes met an error that nobody foresaw", error=repr(error)[:500])
        return 0

    async def settle(self, seconds: float, project: str | None = None) -> None:
        """Store what is due until nothing is, for so many seconds at most: for a process that is to end."""
        if self.is_off:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await self.look(project):
                    pass

    async def _store_one(self, waiting: Waiting, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                if waiting.stale:
                    await self._store.forget(Forgetting(project=waiting.project, episode=waiting.key))
                if waiting.episode is not None:
                    await self._store.add(waiting.episode)
        except (KnowledgeUnavailable, TimeoutError) as error:
            await self._failed(waiting, str(error) or f"the store did not answer within {seconds:.0f} s", hopeless=False)
        except Exception as error:  # noqa: BLE001  # an episode that a store cannot take must not hold up the others for good
            await self._failed(waiting, repr(error)[:300], hopeless=waiting.tries + 1 >= self._pace.tries)
        else:
            await episode_stored(self._pool, waiting)

    async def _failed(self, waiting: Waiting, problem: str, *, hopeless: bool) -> None:
        wait_s = wait_after(waiting.tries + 1, self._pace.first_wait_s)
        dead = await episode_failed(self._pool, waiting, problem=problem, wait_s=wait_s, give_up_s=self._pace.give_up_s, hopeless=hopeless)
        log = structlog.get_logger().bind(episode=waiting.key, project=waiting.project, problem=problem)
        if dead:
            log.error("an episode was given up; have it tried again with `genie memory queue --retry`")
        else:
            log.info("an episode could not be stored, and will be tried again", tries=waiting.tries + 1, wait_s=round(wait_s, 1))


async def run_knowledge(installation: Installation, stop: asyncio.Event, pace: Pace | None = None) -> None:
    """Pump until `stop` is set, and then for a short while what is still due; a cancel leaves that to others.

    A database or a store that is away is waited for.
    """
    pace = pace or Pace()
    pump = Pump(installation, pace)
    if pump.is_off:
        return
    while not stop.is_set():
        found = await pump.look()
        await pump.make_vectors()
        if not found:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pace.poll_s * random.uniform(0.8, 1.2)):  # noqa: S311  # spreads the load, hides nothing
                    await stop.wait()
    await pump.settle(pace.ends_in_s)


def wait_after(tries: int, first_s: float) -> float:
    """Seconds until the next try after so many: doubled each time, at most half an hour, a fifth more or less by chance."""
    return min(first_s * float(2 ** min(tries - 1, _DOUBLINGS)), _MOST_WAIT_S) * random.uniform(0.8, 1.2)  # noqa: S311  # as above
