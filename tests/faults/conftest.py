"""Real processes of the real command, killed from outside; what happened is counted at the model's server, in git and in the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, make_repository

ROOT = Path(__file__).parents[2]
PAUSE_S = 0.12


class Scene:
    """A repository, a model's server, a database, and the processes of `genie` on them."""

    def __init__(self, folder: Path, database_url: str, server: ModelServer) -> None:
        self.repo = make_repository(folder / "repo")
        self.server = server
        self._folder = folder
        self._database_url = database_url
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "GENIE_HOME": str(folder / "genie"),
            "GENIE_DATABASE_URL": database_url,
            "GENIE_MODEL": "anthropic:claude-sonnet-4-5",
            "ANTHROPIC_API_KEY": "not-a-real-key",
            "ANTHROPIC_BASE_URL": server.url,
        }
        self._running: list[subprocess.Popen[str]] = []

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, and do not wait for it."""
        command = [sys.executable, "-P", "-c", "from cli.main import main; main()", *arguments]
        process = subprocess.Popen(
            command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.append(process)
        return process

    def start(self) -> subprocess.Popen[str]:
        """Begin the epic of the story, every gate approved in advance."""
        return self.begin("epic", "start", GOAL, "--repo", str(self.repo), "--yes")

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for a command, and return its exit code and what it said."""
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill a command as a crash would."""
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with psycopg.connect(self._database_url) as connection:
            return connection.execute(query.encode()).fetchall()

    def git(self, *arguments: str) -> str:
        """Ask the person's repository."""
        return subprocess.run(["git", *arguments], cwd=self.repo, check=True, capture_output=True, text=True).stdout.strip()

    def close(self) -> None:
        """End what is still running."""
        for process in self._running:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def scene(tmp_path: Path, database_url: str) -> Generator[Scene]:
    """The story's repository and a server that takes a moment for each answer, so that a kill can fall into it."""
    with ModelServer(STORY.model_copy(update={"pause_s": PAUSE_S}), log=tmp_path / "requests.jsonl") as server:
        made = Scene(tmp_path, database_url, server)
        yield made
        made.close()
