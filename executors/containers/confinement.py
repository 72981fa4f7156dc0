"""What a container may do and see: as little as an agent needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

TREE: Final = "/workspace"
CONFIG: Final = "/genie/config"
SOCKETS: Final = "/genie/sockets"
GIT: Final = "/genie/git"
HOME: Final = "/genie/home"

_MIB: Final = 1024 * 1024
_LOG_MB: Final = 128


@dataclass(frozen=True, kw_only=True)
class Confines:
    """How much of the host an agent may take."""

    memory_mb: int = 2_048
    cpus: float = 2.0
    pids: int = 512
    scratch_mb: int = 512
    """Each of /tmp and the home folder, which are in memory and count towards it."""
    disk_floor_mb: int = 512
    """Free space of the work tree's file system below which the container ends: an agent must not fill the host's disk."""


def host_config(confines: Confines, mounts: Mapping[str, tuple[str, bool]], uid: int, gid: int) -> dict[str, Any]:
    """The daemon's HostConfig.

    Args:
        confines: how much it may take.
        mounts: places of the host by where they are in the container, each with whether it can be written.
        uid: the user it runs as.
        gid: and the group.
    """
    scratch = f"size={confines.scratch_mb}m,uid={uid},gid={gid},nosuid,nodev"
    return {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": confines.memory_mb * _MIB,
        "MemorySwap": confines.memory_mb * _MIB,
        "NanoCpus": int(confines.cpus * 1_000_000_000),
        "PidsLimit": confines.pids,
        "IpcMode": "private",
        "Privileged": False,
        # Nothing of the host is shared that lets one container see another.
        "PidMode": "",
        # Executables in both: the CLI unpacks parts of itself to /tmp, and agents build things.
        "Tmpfs": {"/tmp": f"mode=1777,exec,{scratch}", HOME: f"mode=0700,exec,{scratch}"},  # noqa: S108  # the container's own
        "Mounts": [
            # Private: what is mounted on the host later does not appear inside.
            {"Type": "bind", "Source": source, "Target": target, "ReadOnly": not writable, "BindOptions": {"Propagation": "rprivate"}}
            for target, (source, writable) in mounts.items()
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": f"{_LOG_MB}m", "max-file": "2"}},
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
    }
