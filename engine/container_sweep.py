"""Containers that workers leave behind: ended and removed when nobody will go on with them, and only then."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Final

import structlog

from db.epics import Row
from db.identity import database_id
from engine.assembling import Installation
from engine.attempt_folders import fates_of, sweep_folders
from engine.identity import this_worker
from epics.errors import Environment, StoreUnavailable
from executors.containers.daemon import Daemon, DaemonLost, Refused
from executors.containers.places import SocketPlace, socket_place, socket_places
from executors.containers.process import remove
from executors.containers.running import Container, containers

_AGAIN_S: Final = 60.0
_LATE_S: Final = 60.0
"""How long after its deadline a container that still runs is nobody's any more."""
_YOUNG_S: Final = 120.0
"""A folder for sockets that is younger may be that of a container which is being made."""


async def sweep_containers(installation: Installation, daemon: Daemon) -> tuple[str, ...]:
    """End and remove what is left of attempts that nobody on this host will go on with, and return the names.

    Only what bears the id of this database is looked at: other Genies and other people may share the daemon (durability rule 22).

    Raises:
        DaemonLost: if the daemon does not answer.
        StoreUnavailable: if the database does not answer.
    """
    own = await database_id(installation.database.pool)
    # Before the rows are read: an attempt has its row before it has a container.
    found = await containers(daemon, database=own)
    fates = await fates_of(installation.database.pool, ((each.labels.epic, each.labels.attempt) for each in found))
    swept = list[str]()
    for each in found:
        why = why_nobodys(each, fates.get((each.labels.epic, each.labels.attempt)), installation.home, this_worker().host)
        if not why:
            continue
        try:
            await remove(daemon, each.id)
        except Refused as error:
            structlog.get_logger().warning("a container stays", container=each.name, why=str(error))
            continue
        socket_place(each.name).remove()
        structlog.get_logger().info("a container was removed", container=each.name, why=why)
        swept.append(each.name)
    await _sweep_sockets(installation, own, {each.name for each in found})
    await sweep_folders(installation)
    return tuple(swept)


async def run_container_sweep(installation: Installation, stop: asyncio.Event) -> None:
    """Sweep at once and now and then, until `stop` is set; without a daemon there is nothing to sweep."""
    daemon = Daemon(installation.docker_host)
    try:
        while not stop.is_set():
            try:
                await sweep_containers(installation, daemon)
            except DaemonLost as error:
                structlog.get_logger().debug("no containers are looked at", why=str(error))
            except (StoreUnavailable, Environment, OSError) as error:
                structlog.get_logger().warning("containers are not looked at now", why=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    await stop.wait()
    finally:
        daemon.close()


def why_nobodys(container: Container, fate: Row | None, home: Path, host: str) -> str:
    """Why nobody will go on with a container; empty if its own worker has it, or one of this host may take it over.

    Its labels say who began it; who has the epic *now* says the lease (durability rule 22).
    """
    is_command = container.labels.work != "agent"
    if fate is None or not (fate["known"] or is_command):
        return "the database does not know its attempt"
    if fate["ended"]:
        return "its attempt has ended"
    if container.labels.deadline + _LATE_S < time.time():
        return "its deadline has passed"
    if is_command and (fate["host"] is None or fate["epoch"] != container.labels.epoch):
        # The next worker does not go on with a command: it runs it anew.
        return "the worker that ran it has not its epic any more"
    if fate["host"] is None:
        return "" if fate["status"] in {"queued", "running"} else f"its epic is {fate['status']}"
    if fate["host"] != host:
        return "a worker on another host has its epic"
    if container.labels.home == str(home.resolve()):
        return ""
    # A worker with another home began anew; one with the same home has written its epoch down where the sockets are.
    taken = int(socket_place(container.name).about().get("epoch", container.labels.epoch))
    return "" if taken >= fate["epoch"] else "a worker with another home has its epic"


async def _sweep_sockets(installation: Installation, own: str, names: set[str]) -> None:
    """Remove the folders of sockets that a killed worker left, whose container is gone or was never made."""
    left = {place: about for place in socket_places() if (about := place.about()).get("database") == own}
    of = {place: (str(about.get("epic")), int(about.get("attempt", 0))) for place, about in left.items()}
    fates = await fates_of(installation.database.pool, of.values())
    for place, about in left.items():
        if about.get("container") in names:
            continue
        fate = fates.get(of[place])
        if (fate is not None and fate["ended"]) or (_is_old(place) and not _is_alive(about.get("pid"))):
            place.remove()


def _is_old(place: SocketPlace) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - place.folder.stat().st_mtime > _YOUNG_S
    return False


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
