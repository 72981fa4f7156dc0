"""The containers of agents, for people: listed, read, stopped and swept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from db.identity import database_id
from engine.assembling import Installation
from engine.attempt_folders import fates_of
from engine.container_sweep import sweep_containers, why_nobodys
from engine.identity import this_worker
from epics.errors import Conflict
from epics.records import Record
from executors.containers.daemon import ContainerGone, Daemon
from executors.containers.following import follow, printed
from executors.containers.process import remove
from executors.containers.running import Container, containers


class ContainerView(Record):
    """One container on this host."""

    name: str
    epic: str
    attempt: int
    work: str
    """`agent`, or the command that is run in it: `setup` or `tests`."""
    epoch: int
    """The epoch of the lease under which it was started; who has its epic now may be another worker."""
    status: str
    said: str
    """The status in docker's own words."""
    image: str
    memory_mb: int
    created_at: datetime
    left_behind: str
    """Why nobody will go on with it, so that a sweep removes it; empty if somebody may."""


class Swept(Record):
    """What a sweep removed."""

    removed: tuple[str, ...]


class Containers:
    """The containers of this database's attempts on this host's daemon."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an installation; the daemon is asked when something is asked of this."""
        self._installation = installation

    async def list(self) -> tuple[ContainerView, ...]:
        """Every container, newest first.

        Raises:
            DaemonLost: if the daemon does not answer.
        """
        async with self._daemon() as daemon:
            found = await self._containers(daemon)
        fates = await fates_of(self._installation.database.pool, ((each.labels.epic, each.labels.attempt) for each in found))
        host = this_worker().host
        return tuple(
            ContainerView(
                name=each.name,
                epic=each.labels.epic,
                attempt=each.labels.attempt,
                work=each.labels.work,
                epoch=each.labels.epoch,
                status=each.status,
                said=each.said,
                image=each.image,
                memory_mb=each.labels.memory_mb,
                created_at=each.created_at,
                left_behind=why_nobodys(each, fates.get((each.labels.epic, each.labels.attempt)), self._installation.home, host),
            )
            for each in sorted(found, key=lambda each: each.created_at, reverse=True)
        )

    async def logs(self, name: str, *, following: bool) -> AsyncGenerator[bytes]:
        """What a container has printed, and with `following` what it prints until it ends.

        Raises:
            ContainerGone: if there is none of that name.
            Conflict: if several begin so.
            DaemonLost: if the daemon does not answer.
        """
        async with self._daemon() as daemon:
            found = await self._named(daemon, name)
            if not following:
                yield await printed(daemon, found.id, errors=False) + await printed(daemon, found.id, errors=True)
                return
            async with aclosing(follow(daemon, found.id, errors_too=True)) as pieces:
                async for piece in pieces:
                    yield piece

    async def stop(self, name: str) -> ContainerView:
        """End a container at once and remove it; its attempt ends as stopped.

        Raises:
            ContainerGone: if there is none of that name.
            Conflict: if several begin so.
            DaemonLost: if the daemon does not answer.
        """
        views = {view.name: view for view in await self.list()}
        async with self._daemon() as daemon:
            found = await self._named(daemon, name)
            await remove(daemon, found.id)
        return views[found.name]

    async def sweep(self) -> Swept:
        """Remove what nobody will go on with, as workers do now and then.

        Raises:
            DaemonLost: if the daemon does not answer.
        """
        async with self._daemon() as daemon:
            return Swept(removed=await sweep_containers(self._installation, daemon))

    async def _named(self, daemon: Daemon, name: str) -> Container:
        """The container of a name, of the beginning of one, or of an epic."""
        found = [each for each in await self._containers(daemon) if each.name.startswith((name, f"genie-{name}"))]
        exact = [each for each in found if each.name == name]
        if len(exact or found) > 1:
            raise Conflict(f"several containers begin with {name!r}: {', '.join(each.name for each in found[:6])}")
        if not found:
            raise ContainerGone(f"no container of this database is called {name!r}: see `genie container list`")
        return (exact or found)[0]

    async def _containers(self, daemon: Daemon) -> tuple[Container, ...]:
        return await containers(daemon, database=await database_id(self._installation.database.pool))

    @asynccontextmanager
    async def _daemon(self) -> AsyncGenerator[Daemon]:
        daemon = Daemon(self._installation.docker_host)
        try:
            yield daemon
        finally:
            daemon.close()
