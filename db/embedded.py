"""The embedded PostgreSQL: shared by all processes of one home, started by the first and stopped by the last."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import AsyncConnection

from db.embedded_cluster import DATABASE, USER, Cluster
from db.embedded_process import processes_in
from db.embedded_socket import is_private
from db.failures import first_line
from db.file_locks import POLL_S, exclusive, open_lock, try_exclusive
from epics.errors import Environment, StoreUnavailable

PATIENCE_S: Final = 60.0
#: More than one, since a server may be killed while it starts; few, since one that cannot start never will.
STARTS: Final = 3
#: What a server says that will answer soon, or will soon be gone; anything else that it says is final.
PASSING: Final = (
    *("starting up", "shutting down", "not yet accepting", "recovery"),
    *("refused", "timeout expired", "No such file", "closed", "reset", "terminating connection", "too many", "slots"),
)


@asynccontextmanager
async def open_embedded(
    home: Path, *, runtime_dir: Path | None = None, keep_running: bool = False, patience_s: float = PATIENCE_S
) -> AsyncGenerator[str]:
    """Use the embedded server under `home`, and yield its URL, which has the password in it: never log it.

    Any number of processes may be inside at once. The first starts the server; the last one out stops it unless `keep_running`.
    After a kill of any of them, or of the server itself, the next one in finds or makes a healthy server with all that was committed.
    `runtime_dir` is a short private directory, such as XDG_RUNTIME_DIR, for the socket of a home whose path is too long for one.

    Raises:
        Environment: if the server cannot run on this machine, or does not start; the message has the end of its log.
        StoreUnavailable: if another process starts or stops it for longer than `patience_s`.
    """
    cluster = Cluster(root=_root(home), runtime_dir=runtime_dir)
    with open_lock(cluster.root / "users.lock") as users:
        async with exclusive(cluster.start_lock, patience_s=patience_s):
            # At once: nobody holds it alone now, since that is done only by the holder of the start lock.
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                url = await _healthy(cluster, patience_s)
            except BaseException:
                await _stop_if_last(cluster, users)
                raise
        try:
            yield url
        finally:
            if not keep_running:
                # Whoever keeps us from our turn for so long comes out after us, and is then the last.
                with suppress(StoreUnavailable):
                    async with exclusive(cluster.start_lock, patience_s=patience_s):
                        await _stop_if_last(cluster, users)


async def _stop_if_last(cluster: Cluster, users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_UN)
    if not try_exclusive(users):
        return
    try:
        if cluster.is_alive():
            await cluster.stop()
    finally:
        # Within our turn: the next one in takes its share of this lock without waiting.
        fcntl.flock(users, fcntl.LOCK_UN)


async def _healthy(cluster: Cluster, patience_s: float) -> str:
    """Bring the server to where it answers, from whatever state it is in."""
    starts = 0
    said: str | None = "it is not ready"
    try:
        async with asyncio.timeout(patience_s):
            while True:
                if not cluster.is_alive():
                    if starts == STARTS:
                        raise Environment(f"the embedded database did not start ({cluster.log}): {cluster.last_words()}")
                    await cluster.start()
                    starts += 1
                elif cluster.is_cut_off():
                    await cluster.stop()
                if address := cluster.ready_address():
                    url = _url(address, cluster.password())
                    said = await _objection(url)
                    if said is None:
                        return url
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise Environment(
            f"the embedded database under {cluster.root} did not answer within {patience_s:.0f} s: {said}; "
            f"its processes: {', '.join(map(str, processes_in(cluster.data))) or 'unknown'}; its log: {cluster.last_words()}"
        ) from error


async def _objection(url: str) -> str | None:
    """What speaks against using the server now, or None if it serves us.

    Raises:
        Environment: if waiting will not help.
    """
    try:
        connection = await AsyncConnection.connect(url, connect_timeout=10)
    except psycopg.OperationalError as error:
        said = first_line(error)
        if f'database "{DATABASE}" does not exist' in said:
            await _create_database(url)
            return "its database was just made"
        if any(word in said for word in PASSING):
            return said
        raise Environment(f"the embedded database refuses us: {said}") from error
    await connection.close()
    return None


async def _create_database(url: str) -> None:
    async with await AsyncConnection.connect(url, dbname="postgres", autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {DATABASE}")


def _url(address: Path, password: str) -> str:
    """The port is said, though a socket needs none, since libpq would take another one from the environment."""
    return f"postgresql://{USER}:{quote(password, safe='')}@localhost:5432/{DATABASE}?host={quote(str(address), safe='')}"


def _root(home: Path) -> Path:
    root = home.expanduser().resolve() / "postgres"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Environment(f"GENIE_HOME {home} cannot be used: {error.strerror} ({error.filename}); set another GENIE_HOME") from error
    if not is_private(root):
        raise Environment(f"{root} must be a directory of the user who runs Genie, closed to others (mode 0700); correct that")
    return root
