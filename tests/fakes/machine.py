"""A machine with a `GENIE_HOME` of its own, and real processes of the real command on it, to be killed, stopped and woken from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

ROOT = Path(__file__).parents[2]
CALL = "from cli.main import main; main()"
FAKETIME = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs, for the message of a test that fails."""
        return f"exit code {self.code}\n{self.out}{self.err}"

    @property
    def json(self) -> Any:
        """What it printed for programs."""
        return json.loads(self.out)


class Running:
    """A command that was begun. What it says goes to files: a pipe that nobody reads would stop it."""

    def __init__(self, pid: int, out: Path, err: Path, code: Callable[[], int | None]) -> None:
        self.pid = pid
        self._out = out
        self._err = err
        self._code = code

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._code()

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._out.read_text(errors="replace") + self._err.read_text(errors="replace")

    def send(self, sign: signal.Signals) -> None:
        """Send it a signal, and only it."""
        if self.code is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """Kill it as a crash would."""
        self.send(signal.SIGKILL)
        until(lambda: self.code is not None, "it is dead")

    def end(self, seconds: float = PATIENCE_S) -> Ended:
        """Wait for its end."""
        deadline = time.monotonic() + seconds
        while (code := self.code) is None:
            assert time.monotonic() < deadline, f"it still runs after {seconds:g} s, and said:\n{self.said}"
            time.sleep(0.02)
        return Ended(code=code, out=self._out.read_text(errors="replace"), err=self._err.read_text(errors="replace"))


class Machine:
    """One host: a home, a name, a clock, and the commands that run there. They share with others what their settings name, and no more."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str], *, hostname: str | None = None, skew_s: float = 0.0, nursery: Nursery | None = None
    ) -> None:
        """Set the machine up.

        Args:
            folder: for its home and what its commands say.
            settings: variables of Genie and of the providers.
            hostname: another name than that of this machine (needs root); processes here are then strangers to those of others.
            skew_s: by how much its clock is wrong.
            nursery: what bears its processes; a wrong clock needs processes that are begun from nothing, and without one all are.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.home = folder / "genie"
        self.hostname = hostname
        self._skew_s = skew_s
        self._nursery = None if skew_s else nursery
        self._count = 0
        self._begun: list[Running] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "GENIE_HOME": str(self.home),
            "GENIE_MODEL": "anthropic:claude-sonnet-4-5",
            "ANTHROPIC_API_KEY": "not-a-real-key",
            **settings,
        }

    def begin(self, *arguments: str, **settings: str) -> Running:
        """Begin a command of `genie`, and do not wait for it."""
        self._count += 1
        out, err = self.folder / f"{self._count}.out", self.folder / f"{self._count}.err"
        environment = {**self.environment, **settings, **self._clock()}
        if self._nursery is not None:
            running = self._nursery.begin(arguments, environment, self.folder, out, err, hostname=self.hostname)
        else:
            running = self._spawn(arguments, environment, out, err)
        self._begun.append(running)
        return running

    def run(self, *arguments: str, **settings: str) -> Ended:
        """Run a command of `genie` to its end."""
        return self.begin(*arguments, **settings).end()

    def close(self) -> None:
        """Kill what still runs."""
        for running in self._begun:
            if running.code is None:
                running.kill()

    def _spawn(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> Running:
        command = [*self._name(), sys.executable, "-P", "-c", self._preface() + CALL, *arguments]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
            )
        return Running(process.pid, out, err, process.poll)

    def _name(self) -> tuple[str, ...]:
        if self.hostname is None:
            return ()
        # `exec` all the way: the process that a test signals is Genie itself.
        return ("unshare", "--uts", "sh", "-c", f'hostname {self.hostname} && exec "$@"', "sh")

    def _clock(self) -> dict[str, str]:
        library = faketime()
        if not self._skew_s or library is None:
            return {}
        # Without its monotonic clock: a clock that was set wrong runs on as any other does.
        return {"LD_PRELOAD": str(library), "FAKETIME": f"{self._skew_s:+g}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _preface(self) -> str:
        if not self._skew_s or faketime() is not None:
            return ""
        return (
            "import time; s, n = time.time, time.time_ns; "
            f"time.time = lambda: s() + {self._skew_s}; time.time_ns = lambda: n() + int({self._skew_s} * 1e9); "
        )


def faketime() -> Path | None:
    """The library that shifts the clock of a whole process; without it, only what Python's `time` says is shifted."""
    return next((path for pattern in FAKETIME for path in Path("/").glob(pattern.lstrip("/"))), None)


def can_rename_hosts() -> bool:
    """Whether processes may be given a host name of their own here."""
    tried = ("unshare", "--uts", "hostname", "another")
    return shutil.which("unshare") is not None and subprocess.run(tried, capture_output=True, check=False).returncode == 0


def until(happened: Any, what: str, *, seconds: float = 60.0, every_s: float = 0.02) -> Any:
    """Wait until a call returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(every_s)
    return found
