"""The world of the soak: PostgreSQL, a git server, a model's server, API servers, workers on hosts of their own; real processes all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.fakes.git_server import GitServer, git
from tests.fakes.machine import ROOT, Running, can_rename_hosts
from tests.fakes.nursery import Nursery
from tests.fakes.own_postgres import OwnPostgres, free_port
from tests.fakes.story import make_repository, write_story

SAMPLE = ROOT / "cli" / "sample" / "repository"
PAUSE_S = 0.15


@dataclass(kw_only=True)
class Service:
    """One command of `genie` that is begun again each time it ends."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    hostname: str | None
    port: int | None = None
    running: Running | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def pid(self) -> int:
        """Its process id in this life."""
        assert self.running is not None
        return self.running.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.running is not None and self.running.code is None


class World:
    """Everything that runs; as a context it is up inside of the block."""

    def __init__(self, folder: Path, *, workers: int, servers: int, concurrency: int) -> None:
        """Choose the size."""
        self.folder = folder
        self._workers = workers
        self._servers = servers
        self._concurrency = concurrency
        self._stack = ExitStack()
        self.requests_log = folder / "requests.jsonl"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        # The server's flush to the platter is left out: what is killed here are processes, not the machine.
        self.postgres = self._stack.enter_context(OwnPostgres(self.folder / "postgres", settings="fsync = off\nfull_page_writes = off"))
        self.git = self._stack.enter_context(GitServer(self.folder / "repositories"))
        self._model = self._stack.enter_context(self._model_server())
        self.nursery = self._stack.enter_context(Nursery())
        make_repository(self.folder / "story")
        _commit_sample(self.folder / "sample")
        self.services = [*map(self._worker, range(1, self._workers + 1)), *map(self._server, range(1, self._servers + 1))]
        self._migrate()
        for service in self.services:
            self.begin(service)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def workers(self) -> list[Service]:
        """The workers."""
        return [service for service in self.services if service.port is None]

    @property
    def servers(self) -> list[Service]:
        """The API servers."""
        return [service for service in self.services if service.port is not None]

    def begin(self, service: Service) -> None:
        """Begin a service, again if it was there before."""
        folder = service.folder
        with service.lock:
            service.running = self.nursery.begin(
                service.arguments, service.environment, folder, folder / "out", folder / "err", hostname=service.hostname
            )

    def kill(self, service: Service) -> bool:
        """Kill a service as a crash would; False if it was dead already."""
        with service.lock:
            if service.running is None or service.running.code is not None:
                return False
            service.running.kill()
            return True

    def agents(self) -> list[int]:
        """What the agents of the workers have started: commands and test suites, at the lowest level."""
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
        found = []
        for pid in parents:
            if pid in parents.values():
                continue
            ancestors, here = [], pid
            while here in parents and here > 1:
                here = parents[here]
                ancestors.append(here)
            # Neither git nor what is not yet what it will be: that is Genie itself at work, not its agent.
            if any(worker.pid in ancestors for worker in self.workers) and not _is_genie_itself(pid):
                found.append(pid)
        return found

    def repository(self, number: int, kind: str) -> tuple[str, Path]:
        """A repository of its own for one epic: what Genie is told, and where it really is."""
        name = f"{kind}-{number}.git"
        url = self.git.add(self.folder / kind, name)
        place = self.git.folder / name
        return (url if number % 4 < 3 else str(place)), place

    def requests(self) -> list[dict[str, Any]]:
        """Everything that the model's server was asked."""
        return [json.loads(line) for line in self.requests_log.read_text().splitlines()] if self.requests_log.exists() else []

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the database, past Genie."""
        return psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=3)

    def _settings(self, folder: Path) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "GENIE_HOME": str(folder / "genie"),
            "GENIE_DATABASE_URL": self.postgres.url,
            "GENIE_MODEL": "anthropic:claude-sonnet-4-5",
            "GENIE_CONCURRENCY": str(self._concurrency),
            # People here ask as often as they can.
            "GENIE_REQUESTS_PER_MINUTE": "1000000",
            "GENIE_REQUESTS_AT_ONCE": "100000",
            "ANTHROPIC_API_KEY": "not-a-real-key",
            "ANTHROPIC_BASE_URL": self._model,
        }

    def _worker(self, number: int) -> Service:
        folder = self._folder(f"worker-{number}")
        hostname = f"soak-{number}" if can_rename_hosts() else None
        return Service(name=folder.name, arguments=("worker",), environment=self._settings(folder), folder=folder, hostname=hostname)

    def _server(self, number: int) -> Service:
        folder, port = self._folder(f"server-{number}"), free_port()
        arguments = ("serve", "--port", str(port), "--workers", "0")
        return Service(name=folder.name, arguments=arguments, environment=self._settings(folder), folder=folder, hostname=None, port=port)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _migrate(self) -> None:
        folder = self._folder("migrator")
        ended = self.nursery.begin(("db", "migrate"), self._settings(folder), folder, folder / "out", folder / "err").end()
        assert ended.code == 0, ended.said

    def _model_server(self) -> Any:
        return _ModelProcess(self.folder, self.requests_log)


class _ModelProcess:
    """The model's server as a process: its work must not slow whoever kills and counts."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._script = write_story(folder / "story.json", pause_s=PAUSE_S)
        self._log = log

    def __enter__(self) -> str:
        command = [
            sys.executable,
            str(ROOT / "tests" / "fakes" / "model_server.py"),
            "--log",
            str(self._log),
            "--script",
            str(self._script),
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _commit_sample(place: Path) -> None:
    import shutil

    shutil.copytree(SAMPLE, place, ignore=shutil.ignore_patterns("__pycache__"))
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "Begin")):
        git(place, *arguments)


def _is_genie_itself(pid: int) -> bool:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return name.startswith("git") or b"nursery" in line or name in {"unshare", "setpriv"}
