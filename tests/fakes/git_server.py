"""Repositories at git URLs of loopback, served by git's own daemon."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Self

from tests.fakes.own_postgres import free_port
from tests.fakes.story import GIT_ENVIRONMENT

PATIENCE_S = 10.0


class GitServer:
    """Serves bare repositories of one folder; as a context it is up inside of the block."""

    def __init__(self, folder: Path) -> None:
        """Choose the folder and a port."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def add(self, source: Path, name: str) -> str:
        """Serve a bare copy of a repository, which notes every move of a branch, and return its URL."""
        git(self.folder, "clone", "-q", "--bare", str(source), name)
        git(self.folder / name, "config", "core.logAllRefUpdates", "always")
        return self.url(name)

    def url(self, name: str) -> str:
        """Where a repository is."""
        return f"git://127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        """Begin to serve, and wait until somebody answers."""
        # The daemon itself: `git daemon` would be two processes, of which a signal reaches the first.
        programs = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
        where = ["--listen=127.0.0.1", f"--port={self._port}", f"--base-path={self.folder}"]
        command = [f"{programs}/git-daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", *where, str(self.folder)]
        self._process = subprocess.Popen(command, env=dict(GIT_ENVIRONMENT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < until, "git's daemon does not come up"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop serving."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        import socket

        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self._port)) == 0


def git(repo: Path, *arguments: str) -> str:
    """Run git as the story's person does, and return what it printed."""
    command = ["git", "-C", str(repo), *arguments]
    return subprocess.run(command, env=dict(GIT_ENVIRONMENT), check=True, capture_output=True, text=True).stdout.strip()
