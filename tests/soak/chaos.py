"""The chaos of the soak: a random process is killed at a random instant, again and again, all from one seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.soak.world import World

WEIGHTS = {"worker": 45, "agent": 25, "server": 15, "postgres": 15}
#: Between one kill and the next, in seconds.
APART = (0.3, 1.5)
#: In one of so many kills of a worker, its host stays away for so many seconds: longer than its lease, so that another host must take over.
AWAY_ONE_IN = 8
AWAY_S = 14.0


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill: what, when, and which epics the victim was at work on. The database is on this machine, so its clock is ours."""

    kind: str
    victim: str
    at: datetime
    held: tuple[str, ...] = ()
    away: bool = False
    """Whether the victim's host stayed away for a while."""


@dataclass(kw_only=True)
class Chaos:
    """Kills, and begins again what was killed."""

    world: World
    seed: int
    kills: list[Kill] = field(default_factory=list)
    revived: Counter[str] = field(default_factory=Counter)
    """Services that had ended by themselves, and were begun again."""

    _away: dict[str, float] = field(default_factory=dict)

    def rage(self, number: int, said: Callable[[int], None]) -> None:
        """Kill so many times."""
        chance = random.Random(self.seed)
        kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
        while len(self.kills) < number:
            time.sleep(chance.uniform(*APART))
            self.revive()
            kind = chance.choices(kinds, weights)[0]
            kill = getattr(self, f"_{kind}")(chance)
            if kill is not None:
                self.kills.append(kill)
                said(len(self.kills))

    def revive(self) -> None:
        """Begin again what has ended by itself, and hosts that were away long enough."""
        for service in self.world.services:
            if service.is_alive or self._away.get(service.name, 0.0) > time.monotonic():
                continue
            if self._away.pop(service.name, None) is None:
                self.revived[service.name] += 1
            self.world.begin(service)

    def _worker(self, chance: random.Random) -> Kill | None:
        worker = chance.choice(self.world.workers)
        away = chance.randrange(AWAY_ONE_IN) == 0 and not self._away
        if not worker.is_alive:
            return None
        at, held = now(), self._held_by(worker.pid, worker.hostname)
        self.world.kill(worker)
        if away:
            self._away[worker.name] = time.monotonic() + AWAY_S
        else:
            self.world.begin(worker)
        return Kill(kind="worker", victim=worker.name, at=at, held=held, away=away)

    def _server(self, chance: random.Random) -> Kill | None:
        server = chance.choice(self.world.servers)
        killed = self.world.kill(server)
        self.world.begin(server)
        return Kill(kind="API server", victim=server.name, at=now()) if killed else None

    def _agent(self, chance: random.Random) -> Kill | None:
        """An agent's command is there only now and then: wait for one a little."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            found = self.world.agents()
            if found:
                victim = chance.choice(found)
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                return Kill(kind="agent's command", victim=str(victim), at=now())
            time.sleep(0.05)
        return None

    def _postgres(self, chance: random.Random) -> Kill | None:
        ways: dict[str, Callable[[], Any]] = {"immediate stop": self.world.postgres.stop_at_once, "kill -9": self.world.postgres.kill}
        way = chance.choice(list(ways))
        at = now()
        ways[way]()
        time.sleep(chance.uniform(0, 1.0))
        self.world.postgres.start()
        return Kill(kind=f"PostgreSQL, {way}", victim="postgres", at=at)

    def _held_by(self, pid: int, hostname: str | None) -> tuple[str, ...]:
        query = (
            "SELECT l.thread_id FROM leases l JOIN epics e ON e.id = l.thread_id"
            " WHERE l.pid = %s AND l.worker LIKE %s AND l.token IS NOT NULL AND l.expires_at > clock_timestamp() AND e.status = 'queued'"
        )
        try:
            with self.world.connect() as connection:
                rows = connection.execute(query.encode(), [pid, f"{hostname or ''}%"]).fetchall()
        except psycopg.Error:
            return ()
        return tuple(row[0] for row in rows)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)
