"""Which Debian packages the image consists of, and what of them is installed on this machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from epics.errors import Environment

NEEDED: Final = (
    *("base-files", "base-passwd", "bash", "ca-certificates", "coreutils", "dash", "debianutils", "diffutils", "findutils"),
    *("git", "grep", "gzip", "libc-bin", "mawk", "procps", "python3", "sed", "tar"),
)
WELCOME: Final = (
    "curl",
    "jq",
    "less",
    "make",
    "patch",
    "python3-pip",
    "python3-venv",
    "ripgrep",
    "tree",
    "unzip",
    "util-linux",
    "xz-utils",
)
"""In the image where this machine has them."""

_QUERY: Final = r"${db:Status-Abbrev}\t${Package}\t${Version}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*")


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The packages of this machine."""

    versions: Mapping[str, str]
    depends: Mapping[str, tuple[tuple[str, ...], ...]]
    """What each needs: of every group, one."""
    provided: Mapping[str, str] = field(default_factory=dict)
    """Names that no package has, each with one that stands for it."""


def installed_here() -> Installed:
    """What dpkg says is installed.

    Raises:
        Environment: if this is no Debian.
    """
    try:
        answer = subprocess.run(["dpkg-query", "-W", "-f", _QUERY], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError) as error:
        raise Environment(
            "the image cannot be made of this machine's own packages, since it has no dpkg: build it from the Dockerfile (--dockerfile)"
        ) from error
    return parsed(answer.stdout)


def parsed(answer: str) -> Installed:
    """Read dpkg's answer, of which only what is wholly installed counts."""
    versions: dict[str, str] = {}
    depends: dict[str, tuple[tuple[str, ...], ...]] = {}
    provided: dict[str, str] = {}
    for line in answer.splitlines():
        state, name, version, provides, needs = line.split("\t")
        if not state.startswith("ii"):
            continue
        versions[name] = version
        depends[name] = tuple(_names(group, "|") for group in needs.split(",") if group.strip())
        for other in _names(provides, ","):
            provided.setdefault(other, name)
    return Installed(versions=versions, depends=depends, provided=provided)


def closure(installed: Installed, *, needed: Iterable[str] = NEEDED, welcome: Iterable[str] = WELCOME) -> tuple[str, ...]:
    """The packages with all that they need, in order of their names.

    Raises:
        Environment: naming what is needed and not installed.
    """
    if missing := sorted(name for name in needed if name not in installed.versions):
        raise Environment(f"the image needs packages that this machine does not have: apt-get install {' '.join(missing)}")
    found: set[str] = set()
    ahead = [*needed, *(name for name in welcome if name in installed.versions)]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        for group in installed.depends[name]:
            ahead += [real for real in (_real(installed, each) for each in group) if real is not None][:1]
    return tuple(sorted(found))


def _real(installed: Installed, name: str) -> str | None:
    return name if name in installed.versions else installed.provided.get(name)


def _names(text: str, separator: str) -> tuple[str, ...]:
    return tuple(found[0] for part in text.split(separator) if (found := _NAME.match(part.strip())))
