"""Brings up processes of `genie` quickly: one process imports everything once, and forks for each command.

What is born is a process like any other, with a home, an environment and a name of its own; only the seconds of importing are saved, which
would else be most of what a run with a thousand kills does. As a process: `python tests/fakes/nursery.py` reads one order per line
({"arguments", "environment", "folder", "out", "err", "hostname"}) and answers each with the pid in a line.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.fakes.machine import Running  # noqa: E402  (as a process, it is found only now)

CLONE_NEWUTS = 0x04000000
PIPE_HOLDS = 60_000
FIRST = ("cli.main", "engine.bootstrap", "executors.in_process", "executors.scripted", "pydantic_ai.models.anthropic")
#: What a release that has no such module does not need either.
IF_THERE = ("api.app", "cli.serving", "engine.worker", "uvicorn", "procrastinate", "pygments.lexers.diff", "rich._emoji_codes")


class Nursery:
    """The parent of processes; as a context it is up inside of the block, and what it bore is dead after it."""

    def __enter__(self) -> Self:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve())],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._born: set[int] = set()
        self._said()
        return self

    def __exit__(self, *exc: object) -> None:
        for pid in self._born:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def begin(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        out: Path,
        err: Path,
        *,
        hostname: str | None = None,
        stdin: str = "",
    ) -> Running:
        """Begin a command; what it says is added to the files, and `stdin`, which a pipe must hold at once, is piped into it."""
        assert len(stdin.encode()) <= PIPE_HOLDS, "a longer input needs somebody who goes on writing"
        order = {"arguments": list(arguments), "environment": dict(environment), "hostname": hostname, "stdin": stdin}
        places = {"folder": str(folder), "out": str(out), "err": str(err)}
        for path in (out, err):
            path.touch()
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({**order, **places}) + "\n")
            self._process.stdin.flush()
            pid = int(self._said())
            self._born.add(pid)
        return Running(pid, out, err, partial(_code_of, pid, Path(f"{out}.{pid}.code")))

    def _said(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery has died"
        return line.strip()


def is_alive(pid: int) -> bool:
    """Whether a process is there, and not only its end that nobody has looked at."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def _code_of(pid: int, code: Path) -> int | None:
    """How a process ended: what it left in a file, or else that it was killed; None while it lives."""
    if is_alive(pid):
        return None
    # Killed while it wrote how it ended, it left nothing.
    left = code.read_text() if code.exists() else ""
    return int(left) if left else -signal.SIGKILL


def main() -> None:
    """Bear processes until the orders end."""
    import importlib
    import importlib.util

    for name in FIRST:
        importlib.import_module(name)
    for name in IF_THERE:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    _import_all_of("cli")
    from agents.registry import Registry

    # Compiled once: each command would compile the prompts of all workflows.
    Registry.discover()
    # What is not looked at by a collector of garbage stays shared between those who are born.
    gc.collect()
    gc.freeze()
    # Dead children are not waited for: the kernel takes them away.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        assert threading.active_count() == 1, f"a fork would forget the threads {threading.enumerate()}"
        pid = os.fork()
        if pid == 0:
            _live(order)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _import_all_of(package: str) -> None:
    """Import the modules of a package, whatever a release has of them."""
    import importlib
    import pkgutil

    for found in pkgutil.iter_modules([str(ROOT / package)], f"{package}."):
        importlib.import_module(found.name)


def _live(order: Mapping[str, Any]) -> None:
    """Be the command that was ordered, to its end."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        if order["hostname"]:
            assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUTS) == 0, os.strerror(ctypes.get_errno())
            socket.sethostname(order["hostname"])
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        typed = _pipe_with(order["stdin"]) if order["stdin"] else os.open(os.devnull, os.O_RDONLY)
        out, err = (os.open(order[name], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) for name in ("out", "err"))
        for here, there in ((typed, 0), (out, 1), (err, 2)):
            os.dup2(here, there)
        # The one from before has read ahead, of the orders.
        sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115  (it is there to the end)
        sys.argv = ["genie", *order["arguments"]]
        from cli.main import main as genie

        genie()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  (what it says last must be read in its log)
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f"{order['out']}.{os.getpid()}.code").write_text(str(code))
    os._exit(code)


def _pipe_with(text: str) -> int:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return reading


if __name__ == "__main__":
    main()
