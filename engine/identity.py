"""Who this process is to others, and whether another one is provably dead."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from db.leases import Worker


def this_worker() -> Worker:
    """This process, told apart from any other on any host, and from a later one with the same number."""
    pid = os.getpid()
    return Worker(name=f"{socket.gethostname()}:{pid}", host=_host(), pid=pid, pid_started=_started(pid) or "")


def is_dead(worker: Worker) -> bool:
    """Whether the worker was a process of this host that is there no more; False where that cannot be proved."""
    if worker.host != _host() or not worker.pid_started:
        return False
    return _started(worker.pid) != worker.pid_started


def is_stopped(worker: Worker) -> bool:
    """Whether the worker is a process of this host that stands still by a signal; False where that cannot be seen."""
    if worker.host != _host() or not worker.pid_started or _started(worker.pid) != worker.pid_started:
        return False
    try:
        stat = Path(f"/proc/{worker.pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in {"T", "t"}


def network_of_host() -> str:
    """Where a TCP port is one: the machine, its boot, and the namespace of its network, which a container may have of its own."""
    parts = [socket.gethostname()]
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
    if boot.is_file():
        parts.append(boot.read_text(encoding="ascii").strip())
    if namespace.is_symlink():
        parts.append(str(namespace.readlink()))
    return " ".join(parts)


def _host() -> str:
    """The machine, its boot, and the namespace in which its process numbers mean something."""
    parts = [socket.gethostname()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.is_file():
        parts.append(boot.read_text(encoding="ascii").strip())
    namespace = Path("/proc/self/ns/pid")
    if namespace.is_symlink():
        parts.append(str(namespace.readlink()))
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """When a process began, in the kernel's own count; None if there is none, or a dead one that nobody has waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return _without_proc(pid)
    except ProcessLookupError:
        return None
    # The name in brackets may hold anything; the fields after it are fixed (proc(5): state is 3, starttime is 22).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _without_proc(pid: int) -> str | None:
    """Where there is no /proc: a process that is there cannot be told from its successor, so it counts as the same."""
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "there"
    return "there"
