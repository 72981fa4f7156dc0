"""A command with a terminal of its own, typed at by a test."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

STYLES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

# What a terminal gives its commands. A test run that was started in the background ignores some signals, and its children would too.
AWAKE = "import signal; signal.signal(2, signal.default_int_handler); [signal.signal(n, signal.SIG_DFL) for n in (1, 15)]"
AT_A_TERMINAL = [sys.executable, "-P", "-c", f"{AWAKE}; from cli.main import main; main()"]


class Terminal:
    """The command, and all that was seen of it."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: Path) -> None:
        self.seen = ""
        self._end, own = pty.openpty()
        os.set_inheritable(own, True)
        self.process = subprocess.Popen(
            [*AT_A_TERMINAL, *arguments],
            stdin=own,
            stdout=own,
            stderr=own,
            env={**env, "TERM": "xterm-256color", "COLUMNS": "120"},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(own)

    def until(self, wanted: Callable[[str], bool], seconds: float = 30) -> None:
        """Read until what was printed since is as wanted."""
        new, deadline = "", time.monotonic() + seconds
        while not wanted(STYLES.sub("", new)):
            if time.monotonic() > deadline:
                pytest.fail(f"did not appear within {seconds} s; the end of what did: {self.seen[-2000:]}")
            if select.select([self._end], [], [], 0.2)[0]:
                try:
                    read = os.read(self._end, 65_536).decode(errors="replace")
                except OSError:
                    break
                new, self.seen = new + read, STYLES.sub("", self.seen + read)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._end, line.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """What it ended with."""
        self.until(lambda _: False if self.process.poll() is None else not select.select([self._end], [], [], 0)[0])
        code = self.process.wait(timeout=30)
        os.close(self._end)
        return code
