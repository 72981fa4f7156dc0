"""Real servers: `genie serve` as a process."""

from __future__ import annotations

import os
import secrets
import signal
import ssl
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import psycopg

from tests.fakes.keyed import HomeKey
from tests.fakes.machine import Running, until

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

ROOT = Path(__file__).parents[2]
GENIE = (sys.executable, "-P", "-c", "from cli.main import main; main()")
DEADLINE_S = 60.0
OK = 200


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server at work, and the database that it serves."""

    url: str
    database_url: str
    process: Running
    log: Path
    key: HomeKey
    """Of the machine that it runs on."""
    first_line: str
    verify: ssl.SSLContext | bool = True

    def client(self) -> httpx2.Client:
        """A client of it that shows its machine's key, for one thread."""
        return httpx2.Client(base_url=f"{self.url}/api/v1", timeout=DEADLINE_S, auth=self.key, verify=self.verify)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query says, committed."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        self.process.send(number)
        return self.process.end(DEADLINE_S).code


@contextmanager
def new_database(server: str, template: str) -> Generator[str]:
    """A database of its own on the test's PostgreSQL."""
    name = f"genie_http_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@contextmanager
def running(
    folder: Path,
    database_url: str,
    *options: str,
    nursery: Nursery | None,
    ready: bool = True,
    verify: ssl.SSLContext | bool = True,
    **environment: str,
) -> Generator[Server]:
    """A server at work; it has printed its URL, and if `ready` can serve. `verify` has the certificate that is trusted."""
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "GENIE_HOME": str(folder / "genie"),
        "GENIE_DATABASE_URL": database_url,
        # Tests ask as often as they can.
        "GENIE_REQUESTS_PER_MINUTE": "1000000",
        "GENIE_REQUESTS_AT_ONCE": "100000",
        **environment,
    }
    out, log = folder / "out", folder / "log"
    arguments = ("serve", "--port", "0", *options)
    process = _spawned(arguments, given, folder, out, log) if nursery is None else nursery.begin(arguments, given, folder, out, log)
    try:
        until(lambda: "\n" in out.read_text() or process.code is not None, "it says where it is")
        line = out.read_text().partition("\n")[0]
        assert "://" in line, f"{line}{log.read_text()}"
        url = next(word for word in line.split() if "://" in word)
        if ready:
            until(lambda: httpx2.get(f"{url}/ready", timeout=DEADLINE_S, verify=verify).status_code == OK, f"{url} is ready")
        yield Server(
            url=url, database_url=database_url, process=process, log=log, key=HomeKey(folder / "genie"), first_line=line, verify=verify
        )
    finally:
        process.send(signal.SIGTERM)
        process.end(DEADLINE_S)


def _spawned(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, log: Path) -> Running:
    with out.open("w") as stdout, log.open("w") as stderr:
        process = subprocess.Popen([*GENIE, *arguments], cwd=folder, env=environment, stdout=stdout, stderr=stderr)
    return Running(process.pid, out, log, process.poll)
