"""A team's Genie as processes: API servers and workers on one database, each with a home of its own, as in docker-compose.yml."""

from __future__ import annotations

import json
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx2
import psycopg

from tests.fakes.keyed import HomeKey
from tests.fakes.machine import Ended, Machine, Running, until
from tests.fakes.own_postgres import free_port

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

TIMEOUT_S = 60.0


@dataclass(kw_only=True)
class Member:
    """One process, and where it is begun again."""

    machine: Machine
    arguments: tuple[str, ...]
    running: Running
    port: int | None

    @property
    def url(self) -> str:
        """Where a server is."""
        return f"http://127.0.0.1:{self.port}"


class Team:
    """Servers and workers; as a context they are ready inside of the block, and dead after it."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        nursery: Nursery | None,
        *,
        servers: int = 2,
        workers: int = 2,
        settings: Mapping[str, str] | None = None,
        hostnames: Sequence[str] = (),
    ) -> None:
        """Choose the size.

        Args:
            folder: for the homes.
            database_url: what they share, and all that they share.
            nursery: what bears the processes; without one each imports everything anew.
            servers: how many `genie serve --workers 0`.
            workers: how many `genie worker`.
            settings: variables that each of them has.
            hostnames: for the workers, in order, names of hosts of their own (needs root).
        """
        self.database_url = database_url
        self._folder = folder
        self._nursery = nursery
        self._sizes = servers, workers
        self._hostnames = dict(enumerate(hostnames))
        often = {"GENIE_REQUESTS_PER_MINUTE": "1000000", "GENIE_REQUESTS_AT_ONCE": "100000"}
        self._settings = {"GENIE_DATABASE_URL": database_url, **often, **(settings or {})}
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self.servers: list[Member] = []
        self.workers: list[Member] = []

    def __enter__(self) -> Self:
        servers, workers = self._sizes
        self.servers += [self._begun(f"api-{n + 1}", None, "serve", "--workers", "0") for n in range(servers)]
        self.workers += [self._begun(f"worker-{n + 1}", self._hostnames.get(n), "worker") for n in range(workers)]
        for member in (*self.servers, *self.workers):
            self.until_ready(member)
        return self

    def __exit__(self, *exc: object) -> None:
        for member in (*self.servers, *self.workers):
            member.machine.close()
        if self._connection is not None:
            self._connection.close()

    def restart(self, member: Member) -> Ended:
        """End a process by SIGTERM, as an upgrade does, begin it again, wait until it is ready, and say how it had ended."""
        member.running.send(signal.SIGTERM)
        ended = member.running.end()
        self.begin_again(member)
        return ended

    def begin_again(self, member: Member) -> None:
        """Begin a process that has ended, and wait until it is ready."""
        member.running = member.machine.begin(*member.arguments)
        self.until_ready(member)

    def until_ready(self, member: Member) -> None:
        """Wait until a process does its part."""
        until(lambda: self._is_ready(member), f"{member.machine.folder.name} is ready", seconds=TIMEOUT_S, every_s=0.05)

    @contextmanager
    def client(self, number: int = 0) -> Generator[httpx2.Client]:
        """A client of one of the servers."""
        member = self.servers[number]
        with httpx2.Client(base_url=f"{member.url}/api/v1", timeout=TIMEOUT_S, auth=HomeKey(member.machine.home)) as opened:
            yield opened

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database itself says."""
        if self._connection is None:
            self._connection = psycopg.connect(self.database_url, autocommit=True)
        return self._connection.execute(query.encode(), values or None).fetchall()

    def _begun(self, name: str, hostname: str | None, *arguments: str) -> Member:
        port = free_port() if arguments[0] == "serve" else None
        given = arguments if port is None else (*arguments, "--port", str(port))
        machine = Machine(self._folder / name, self._settings, hostname=hostname, nursery=self._nursery)
        return Member(machine=machine, arguments=given, running=machine.begin(*given), port=port)

    def _is_ready(self, member: Member) -> bool:
        assert member.running.code is None, member.running.said
        if member.port is None:
            return bool(self.rows("SELECT 1 FROM workers WHERE pid = %s", member.running.pid))
        try:
            return httpx2.get(f"{member.url}/ready", timeout=TIMEOUT_S).status_code == 200
        except httpx2.TransportError:
            return False


def told(client: httpx2.Client, epic: str, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """The events of an epic as a server streams them, from a number on, to the end of the epic or of the server."""
    with client.stream("GET", f"/epics/{epic}/events", headers={"Last-Event-ID": str(after)}) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
