"""Edits of every kind that git and file systems know, made in a work tree as an agent's command makes them, and a list of what is there.

As a process: `python3 tests/fakes/editing.py FOLDER` edits the directory that it is in as `FOLDER/orders.json` says, and leaves the list in
`FOLDER/manifests/`. The same orders in the same tree make the same edits.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

IGNORED: Final = "build/\n*.log\n"
"""What the repository ignores."""
PLACE: Final = "kinds"
LARGE_BYTES: Final = 50 * 1024 * 1024
BROKEN: Final = "BROKEN"
"""A file with which the tests fail."""
POOR: Final = "POOR"
"""A file in which a review finds something."""
ODD: Final = (b"-dash", b"two  spaces ", b"line\nfeed", "ünï".encode(), b"not\xff\xfeutf8", b'"quoted"', b"star*[x]", b"back\\slash")
"""How names of files end that are hard on programs."""
FAILS: Final = "the agent gives up"

_GIT: Final = (
    *("git", "-c", "protocol.file.allow=always", "-c", "user.name=Agent", "-c", "user.email=agent@example.org"),
    *("-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null"),
)
_QUIET: Final = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_DATE": "@1 +0000"}

Edit = Callable[[Path, random.Random], None]


def manifest_of(root: Path, links: Mapping[str, str]) -> dict[str, str]:
    """What is in a directory, by path: kind, mode and content of each file. Ignored files and those of git are not listed.

    Args:
        root: the directory.
        links: the submodules by path, each with the commit that is meant where it is not filled.
    """
    found: dict[str, str] = {}
    _list(root, b"", links, found)
    return dict(sorted(found.items()))


def links_in(listed: bytes) -> dict[str, str]:
    """The submodules in what `git ls-files --stage -z`, or `git ls-tree -r -z`, says."""
    entries = (entry.partition(b"\t") for entry in listed.split(b"\0"))
    marked = ((facts.decode().split(), path) for facts, _, path in entries)
    return {_text(path): next(word for word in facts if len(word) >= 40) for facts, path in marked if facts and facts[0] == "160000"}


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _list(directory: Path, below: bytes, links: Mapping[str, str], found: dict[str, str]) -> None:
    for entry in directory.iterdir():
        path = below + os.fsencode(entry.name)
        name = _text(path)
        if entry.name == ".git" or name == "build" or entry.suffix == ".log":
            continue
        if entry.is_symlink():
            found[name] = f"link {os.readlink(os.fsencode(entry))!r}"  # noqa: PTH115  # a Path would write the target in its own way
        elif entry.is_dir():
            if commit := _commit_of(entry) or links.get(name):
                found[name] = f"commit {commit}"
            else:
                _list(entry, path + b"/", links, found)
        else:
            mode = "executable" if entry.stat().st_mode & 0o100 else "file"
            with entry.open("rb") as file:
                found[name] = f"{mode} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _commit_of(path: Path) -> str:
    """The commit of a submodule that is filled."""
    return _git(path, "rev-parse", "HEAD").strip() if (path / ".git").is_file() else ""


def _git(where: Path, *arguments: str) -> str:
    environment = {**_QUIET, "GIT_COMMITTER_DATE": "@1 +0000"}
    return subprocess.run([*_GIT, "-C", where, *arguments], env=environment, check=True, capture_output=True, text=True).stdout


def _new(root: Path, chance: random.Random) -> None:
    _fresh(root, chance, ".txt").write_text(f"{chance.random()}\n" * chance.randint(1, 40))


def _changed(root: Path, chance: random.Random) -> None:
    with _some(root, chance).open("ab") as file:
        file.write(f"and {chance.random()}\n".encode())


def _deleted(root: Path, chance: random.Random) -> None:
    _some(root, chance).unlink()


def _renamed(root: Path, chance: random.Random) -> None:
    _some(root, chance).rename(_fresh(root, chance, ".moved"))


def _executable(root: Path, chance: random.Random) -> None:
    some = _some(root, chance)
    some.chmod(some.stat().st_mode ^ 0o111)


def _symlinked(root: Path, chance: random.Random) -> None:
    to = chance.choice((_some(root, chance).name, "..", "nowhere", "/etc/hostname", "ä b"))
    _fresh(root, chance, ".link").symlink_to(to)


def _link_for_file(root: Path, chance: random.Random) -> None:
    some = _some(root, chance)
    some.unlink()
    some.symlink_to("../README.md")


def _binary(root: Path, chance: random.Random) -> None:
    _fresh(root, chance, ".bin").write_bytes(b"\0\xff\r\n" + chance.randbytes(chance.randint(1, 50_000)))


def _crlf(root: Path, chance: random.Random) -> None:
    _fresh(root, chance, ".crlf").write_bytes(f"{chance.random()}\r\nmixed\nlines\r\n\r".encode())


def _empty(root: Path, chance: random.Random) -> None:
    _fresh(root, chance, ".empty").touch()


def _ignored(root: Path, chance: random.Random) -> None:
    (root / "build").mkdir(exist_ok=True)
    (root / "build" / "out.bin").write_bytes(chance.randbytes(100))
    _fresh(root, chance, ".log").write_text("ignored\n")


def _oddly_named(root: Path, chance: random.Random) -> None:
    name = chance.choice(
        (b"-dash", b"two  spaces ", b"line\nfeed", "ünï".encode(), b"not\xff\xfeutf8", b'"quoted"', b"star*[x]", b"back\\slash")
    )
    Path(os.fsdecode(os.fsencode(_fresh(root, chance, "")) + name)).write_text("odd\n")


def _directory_for_file(root: Path, chance: random.Random) -> None:
    some = _some(root, chance)
    some.unlink()
    some.mkdir()
    (some / "inside.txt").write_text(f"{chance.random()}\n")


def _file_for_directory(root: Path, chance: random.Random) -> None:
    place = _fresh(root, chance, ".d")
    for directory in sorted(path for path in (root / PLACE).iterdir() if path.is_dir() and not path.is_symlink()):
        if not (directory / ".git").exists():
            shutil.rmtree(directory)
            place = directory
            break
    place.write_text("once a directory\n")


def _nested(root: Path, chance: random.Random) -> None:
    place = _fresh(root, chance, ".nested")
    _repository(place, chance)
    (place / "untracked.txt").write_text("in no commit of it\n")


def _submodule_added(root: Path, chance: random.Random) -> None:
    source = root / "build" / f"source-{chance.randint(0, 10**9)}"
    _repository(source, chance)
    _git(root, "submodule", "--quiet", "add", "--force", str(source), f"{PLACE}/module-{chance.randint(0, 10**9)}")


def _large(root: Path, chance: random.Random) -> None:
    _fresh(root, chance, ".large").write_bytes(chance.randbytes(LARGE_BYTES))


def _broken(root: Path, chance: random.Random) -> None:
    (root / BROKEN).write_text(f"{chance.random()}\n")


def _poor(root: Path, chance: random.Random) -> None:
    (root / POOR).write_text(f"{chance.random()}\n")


EDITS: Final[Mapping[str, Edit]] = {
    "new": _new,
    "changed": _changed,
    "deleted": _deleted,
    "renamed": _renamed,
    "executable": _executable,
    "symlinked": _symlinked,
    "link for file": _link_for_file,
    "binary": _binary,
    "crlf": _crlf,
    "empty": _empty,
    "ignored": _ignored,
    "oddly named": _oddly_named,
    "directory for file": _directory_for_file,
    "file for directory": _file_for_directory,
    "nested": _nested,
    "submodule": _submodule_added,
}
"""What an agent does to files, by name; of these any may be done at any time."""

RARE: Final[Mapping[str, Edit]] = {"large": _large, BROKEN: _broken, POOR: _poor}
"""Those that have a price, or that lead elsewhere."""


def mend(root: Path) -> None:
    """Take away what tests, reviews and merges complained of."""
    for name in (BROKEN, POOR):
        (root / name).unlink(missing_ok=True)
    for path in sorted((root / PLACE).rglob("*")):
        if path.is_file() and not path.is_symlink() and b"<<<<<<< " in path.read_bytes():
            path.write_text("both\n")


def _fresh(root: Path, chance: random.Random, ending: str) -> Path:
    (root / PLACE).mkdir(exist_ok=True)
    return root / PLACE / f"f-{chance.randint(0, 10**9)}{ending}"


def _some(root: Path, chance: random.Random) -> Path:
    """A plain file that is there; one is made where there is none."""
    place = root / PLACE
    files = sorted(path for path in place.iterdir() if path.is_file() and not path.is_symlink()) if place.is_dir() else []
    if files:
        return chance.choice(files)
    made = _fresh(root, chance, ".txt")
    made.write_text("here\n")
    return made


def _repository(place: Path, chance: random.Random) -> None:
    place.mkdir(parents=True)
    (place / "inner.txt").write_text(f"{chance.random()}\n")
    _git(place, "init", "--quiet")
    _git(place, "add", "inner.txt")
    _git(place, "commit", "--quiet", "--message", "Inner")


def main(folder: Path) -> None:
    """Follow the orders in the directory that this runs in, which is named by epic and attempt."""
    root = Path.cwd()
    orders = json.loads((folder / "orders.json").read_text())
    chance = random.Random(f"{orders['seed']} {root.name.rpartition('-')[2]}")
    mend(root)
    for kind in chance.sample(orders["kinds"], k=min(len(orders["kinds"]), orders["most"])):
        ({**EDITS, **RARE})[kind](root, chance)
        sys.stdout.write(f"{kind}\n")
    (folder / "manifests").mkdir(exist_ok=True)
    listed = subprocess.run([*_GIT, "ls-files", "--stage", "-z"], env=_QUIET, check=True, capture_output=True).stdout
    (folder / "manifests" / f"{root.name}.json").write_text(json.dumps(manifest_of(root, links_in(listed))))
    if chance.random() < orders["fails"]:
        sys.stdout.write(FAILS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
