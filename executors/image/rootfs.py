"""The files of the image, as a stream of tar: those of installed packages, the CLI, and our own few."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

HERE: Final = Path(__file__).parent
GUEST: Final = HERE / "guest.py"
GITCONFIG: Final = HERE / "gitconfig"
GUEST_INSIDE: Final = "/usr/local/lib/genie/guest.py"
CLI_INSIDE: Final = "/usr/local/bin/claude"
USER: Final = 1000
"""The user of agents where Genie itself is root; else they have Genie's own."""

_ALTERNATIVES: Final = Path("/var/lib/dpkg/alternatives")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_LEFT_OUT: Final = tuple(f"/usr/share/{name}/" for name in ("bug", "doc", "doc-base", "info", "lintian", "locale", "man"))
_SETTINGS: Final = ("/etc/debian_version", "/etc/os-release", "/etc/protocols", "/etc/python3", "/etc/services", "/etc/ssl/openssl.cnf")
"""Of this machine's settings no more: what people wrote into the others is not for agents."""
_LINKS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_FOLDERS: Final = (
    *(("dev", 0o755), ("proc", 0o555), ("sys", 0o555), ("run", 0o755), ("root", 0o700), ("workspace", 0o755)),
    *(("genie", 0o755), ("genie/home", 0o755), ("genie/config", 0o755), ("genie/sockets", 0o755), ("genie/git", 0o755)),
    # A tmpfs takes the mode of the directory below it, whatever the mount says.
    *(("tmp", 0o1777), ("var", 0o755), ("var/tmp", 0o1777)),
)
_TEXTS: Final = {
    "etc/passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:{USER}:{USER}:agent:/genie/home:/bin/bash\n",
    "etc/group": f"root:x:0:\nagent:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def write_rootfs(into: IO[bytes], packages: Iterable[str], cli: Path) -> None:
    """Write the root file system to a stream."""
    with tarfile.open(fileobj=into, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in _LINKS:
            if (top := Path("/") / name).is_symlink():
                _add(tar, top, name)
        for name, mode in _FOLDERS:
            tar.addfile(_folder(name, mode))
        paths = set(_files_of(packages))
        for each in sorted(paths):
            _add(tar, Path(each), each[1:])
        for link in _alternatives(paths):
            _add(tar, link, str(link)[1:])
        for name, text in {**_TEXTS, "etc/gitconfig": GITCONFIG.read_text("utf-8")}.items():
            _add_text(tar, name, text)
        if _CERTIFICATES.is_file():
            _add(tar, _CERTIFICATES.resolve(), str(_CERTIFICATES)[1:])
        _add_text(tar, GUEST_INSIDE[1:], GUEST.read_text("utf-8"))
        _add(tar, cli.resolve(), CLI_INSIDE[1:], mode=0o755)


def _files_of(packages: Iterable[str]) -> Iterator[str]:
    """The places of the packages' files on this machine, with what Python has compiled of them: else each start would do it again."""
    listed = subprocess.run(["dpkg-query", "-L", *packages], capture_output=True, text=True, check=True).stdout  # noqa: S607
    for line in sorted(set(listed.splitlines())):
        if not line.startswith("/") or line.startswith(_LEFT_OUT) or line == "/." or line[1:] in _TEXTS:
            continue
        if line.startswith("/etc/") and not line.startswith(_SETTINGS):
            continue
        # Where /bin is a link to /usr/bin, the package's /bin/cat stands there.
        place = Path(line)
        real = Path(os.path.realpath(place.parent)) / place.name
        if not os.path.lexists(real) or str(real)[1:] in _LINKS:
            continue
        yield str(real)
        if real.suffix == ".py":
            yield from map(str, (real.parent / "__pycache__").glob(f"{real.stem}.cpython-*.pyc"))


def _alternatives(paths: set[str]) -> Iterator[Path]:
    """The links by which one of several programs is chosen, such as awk, where the one that is chosen is in the image."""
    for about in sorted(_ALTERNATIVES.glob("*")):
        lines = about.read_text("utf-8", errors="replace").splitlines()
        link, choice = Path(lines[1]), Path("/etc/alternatives") / about.name
        if os.path.realpath(choice) in paths and link.is_symlink():
            yield choice
            yield link


def _add(tar: tarfile.TarFile, path: Path, name: str, *, mode: int | None = None) -> None:
    info = tar.gettarinfo(path, name)
    if info is None or not (info.isreg() or info.issym() or info.isdir() or info.islnk()):
        return
    if info.isdir() and name in dict(_FOLDERS):
        return
    if info.islnk():
        # What it is linked to may be left out.
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    # Nobody in the container becomes another user by a program of the image.
    info.mode = (info.mode if mode is None else mode) & 0o1777
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    if info.isreg():
        with path.open("rb") as content:
            tar.addfile(info, content)
    else:
        tar.addfile(info)


def _folder(name: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = tarfile.DIRTYPE, mode, int(time.time())
    return info


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o644, int(time.time())
    tar.addfile(info, io.BytesIO(content))
