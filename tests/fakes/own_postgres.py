"""A PostgreSQL server of a test's own, reached over TCP on loopback, that can be stopped, killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path
from typing import Self

import psycopg

from db.embedded_cluster import DATABASE, USER, Cluster
from db.embedded_process import postmaster_pid

PATIENCE_S = 30.0


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class OwnPostgres:
    """One server on one data directory; as a context it is up inside of the block, unless it was stopped there."""

    def __init__(self, root: Path, *, settings: str = "") -> None:
        """Choose the place and the port.

        Args:
            root: an empty folder, or that of an earlier server.
            settings: lines for its configuration.
        """
        root.mkdir(parents=True, exist_ok=True)
        self._cluster = Cluster(root=root, runtime_dir=None)
        self._settings = settings
        self.port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where the database is; the same after each start."""
        return f"postgresql://{USER}:{self._cluster.password()}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def log(self) -> str:
        """What the server has said."""
        return self._cluster.log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int | None:
        """The first process of the server, if it lives."""
        return postmaster_pid(self._cluster.data)

    def start(self) -> None:
        """Start it, wait until it answers, and make the database if this is the first time."""
        new = not (self._cluster.data / "PG_VERSION").exists()
        if new:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._cluster._make())
            # No socket file: that of a killed server would be in the way of the next, under a port that is not Genie's own.
            lines = ("listen_addresses = '127.0.0.1'", f"port = {self.port}", "unix_socket_directories = ''", "max_connections = 200")
            (self._cluster.data / "local.conf").write_text("\n".join((*lines, self._settings, "")), encoding="utf-8")
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(self._cluster.start())
        self.wait_until_it_answers("postgres" if new else DATABASE)
        if new:
            with psycopg.connect(self.url.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())

    def wait_until_it_answers(self, database: str = DATABASE, *, seconds: float = PATIENCE_S) -> None:
        """Return as soon as it takes connections."""
        until = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url.rpartition("/")[0] + f"/{database}", connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > until:
                    raise AssertionError(f"the server does not come up: {error}; {self._cluster.last_words()}") from error
                time.sleep(0.05)
            else:
                return

    def stop_at_once(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: no checkpoint, every connection cut; the next start recovers."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill its first process with SIGKILL; the others end by themselves when they see it."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, sign)
        until = time.monotonic() + PATIENCE_S
        while self._cluster.is_alive():
            assert time.monotonic() < until, "a process of the server lives on"
            time.sleep(0.01)
