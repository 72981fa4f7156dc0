"""Where an attempt's container finds our sockets: a short path, since that of a unix socket has no more than 107 bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from epics.errors import Environment
from executors.containers.labels import Labels

_ABOUT: Final = "about.json"
_MOUNTED: Final = "s"


@dataclass(frozen=True, kw_only=True)
class SocketPlace:
    """The folder of an attempt's sockets: nobody but us may enter the one around it, and only the inner one is mounted."""

    folder: Path

    @property
    def mounted(self) -> Path:
        """The folder that the container sees."""
        return self.folder / _MOUNTED

    @property
    def gateway(self) -> Path:
        """Where the gateway listens."""
        return self.mounted / "gateway.sock"

    @property
    def egress(self) -> Path:
        """Where the proxy to the outside listens."""
        return self.mounted / "egress.sock"

    def make(self, labels: Labels) -> None:
        """Make the folder, and write down whose it is; what an earlier worker made is taken over."""
        self.mounted.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # Whoever has the container's user may call: only the container sees this folder, and only we the one around it.
        self.mounted.chmod(0o755)
        about = self.folder / f"{_ABOUT}.new"
        about.write_text(json.dumps({**dataclasses.asdict(labels), "container": labels.name, "pid": os.getpid()}), "utf-8")
        about.replace(self.folder / _ABOUT)

    def about(self) -> dict[str, Any]:
        """What was written down; empty where nothing can be read."""
        try:
            found = json.loads((self.folder / _ABOUT).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def admit(self) -> None:
        """Let the container's user connect to what listens now."""
        for path in (self.gateway, self.egress):
            if path.is_socket():
                path.chmod(0o666)

    def remove(self) -> None:
        """Take it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def socket_place(container: str) -> SocketPlace:
    """The place for a container of that name."""
    return SocketPlace(folder=sockets_root() / hashlib.sha256(container.encode()).hexdigest()[:16])


def socket_places() -> list[SocketPlace]:
    """Every place that is there on this host, of every database."""
    root = sockets_root()
    return [SocketPlace(folder=path) for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []


def sockets_root() -> Path:
    """The folder that has all places: of our own user, and closed to others.

    Raises:
        Environment: if something else is there that another user could change.
    """
    uid = os.geteuid()
    runtime = Path("/run") if uid == 0 else Path(f"/run/user/{uid}")
    # Not what TMPDIR says: it may be long, and the next worker's may be another.
    base = runtime if os.access(runtime, os.W_OK) else Path("/tmp")  # noqa: S108  # whose it is is looked at below
    root = base / f"genie-{uid}"
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        found = root.lstat()
    except OSError as error:
        raise Environment(f"the folder {root} for sockets cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise Environment(f"{root} is not a folder of this user alone: remove it, Genie makes it anew")
    return root
