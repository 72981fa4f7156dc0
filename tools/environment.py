"""What a new work tree borrows from the user's checkout, so that its commands find their packages."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from epics.errors import Environment, PathRefused


@dataclass(frozen=True, kw_only=True)
class Borrowed:
    """One path of the list, and what came of it."""

    path: str
    made: bool
    note: str
    """For people: what was made, or why nothing was."""


async def prepare_environment(
    tree: Path,
    checkout: Path | None,
    links: Iterable[str],
    *,
    is_ignored: Callable[[str], Awaitable[bool]],
    copies: Iterable[str] = (),
) -> tuple[Borrowed, ...]:
    """Borrow the paths in `links` and `copies` from `checkout`, where they exist there and not yet in `tree`.

    Of `copies`, a folder is copied whole. Of `links`, a folder becomes a folder of links to what is in it, and a file a copy. Folders are
    not linked as a whole: `node_modules/` in a .gitignore does not match a link of that name, so the next snapshot would take it for work,
    and a command that adds a file to it would change the user's checkout. What git does not ignore once it is there (`is_ignored` is
    asked with a path relative to the tree) is taken away again.

    Raises:
        PathRefused: if a path leads out of the checkout, or out of the tree.
        Environment: if the disk refuses.
    """
    made = [await _borrow(tree, checkout, link, is_ignored, _make) for link in links]
    return (*made, *[await _borrow(tree, checkout, path, is_ignored, _copy) for path in copies])


async def _borrow(tree: Path, checkout: Path | None, link: str, is_ignored: Callable[[str], Awaitable[bool]], make: _Maker) -> Borrowed:
    place = _confined(tree, link, of="the work tree")
    if checkout is None:
        return Borrowed(path=link, made=False, note="there is no checkout to borrow from")
    source = _confined(checkout, link, of="the checkout")
    if not source.exists():
        return Borrowed(path=link, made=False, note="the checkout has none")
    if place.exists() or place.is_symlink():
        return Borrowed(path=link, made=False, note="the work tree has one")
    try:
        probe = await asyncio.to_thread(make, source, place, _Roots(checkout.resolve(), tree.resolve()))
        if probe is None:
            return Borrowed(path=link, made=True, note="an empty folder")
        if await is_ignored(str(PurePosixPath(link) / probe) if probe else link):
            return Borrowed(path=link, made=True, note="a folder of links" if probe and make is _make else "a copy")
        await asyncio.to_thread(_take_away, place)
    except OSError as exc:
        raise Environment(f"{link} could not be borrowed from {checkout}: {exc.strerror or exc}") from exc
    return Borrowed(path=link, made=False, note="git does not ignore it, so it would be taken for work: add it to .gitignore")


def _confined(root: Path, link: str, *, of: str) -> Path:
    """Return where `link` is below `root`, with the links in it followed."""
    parts = PurePosixPath(link).parts
    if not parts or link.startswith("/") or ".." in parts or ".git" in parts:
        raise PathRefused(f"{link!r} cannot be borrowed: it must be a path inside the repository, without '..' and outside .git")
    try:
        found = (root / link).resolve()
    except (OSError, RuntimeError) as exc:
        raise PathRefused(f"{link!r} cannot be borrowed: its links lead nowhere: {exc}") from exc
    if not found.is_relative_to(root.resolve()):
        raise PathRefused(f"{link!r} cannot be borrowed: it leads out of {of}, to {found}")
    return root / link


class _Roots(NamedTuple):
    checkout: Path
    tree: Path


_Maker = Callable[[Path, Path, _Roots], str | None]
"""Makes what is borrowed, and returns the name of one entry of it, '' for a file, None for an empty folder."""


def _copy(source: Path, place: Path, roots: _Roots) -> str | None:
    """Copy a file or a whole folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        shutil.copy2(source, place)
        return ""
    # Links are copied as links: what one leads to outside of the checkout is not brought in, and nobody waits for a pipe.
    shutil.copytree(source, place, symlinks=True, ignore=partial(_but_files, roots.checkout))
    return next((path.relative_to(place).as_posix() for path in sorted(place.rglob("*")) if path.is_symlink() or path.is_file()), None)


def _but_files(checkout: Path, folder: str, names: list[str]) -> set[str]:
    """What of a folder is not copied: sockets, pipes, links that lead out of the checkout."""
    return {name for name in names if not _is_copied(checkout, Path(folder) / name)}


def _is_copied(checkout: Path, path: Path) -> bool:
    if path.is_symlink():
        return not path.readlink().is_absolute() and (path.parent / path.readlink()).resolve().is_relative_to(checkout)
    return path.is_file() or path.is_dir()


def _make(source: Path, place: Path, roots: _Roots) -> str | None:
    """Make the folder of links or the copy; return the name of one entry, '' for a file, None for an empty folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        shutil.copy2(source, place)
        return ""
    place.mkdir()
    entries = sorted(source.iterdir())
    for entry in entries:
        if entry.name == ".gitignore":
            shutil.copy2(entry, place / entry.name)  # git does not follow a link of this name
        elif entry.name.startswith("@") and entry.is_dir() and not entry.is_symlink():
            _make(entry, place / entry.name, roots)  # a scope of npm is a folder of packages
        else:
            (place / entry.name).symlink_to(_target(entry, source, roots))
    return entries[0].name if entries else None


def _target(entry: Path, source: Path, roots: _Roots) -> Path:
    """Return what a link must lead to: a package of a workspace is the repository's own code, which is to come from the tree."""
    found = entry.resolve()
    if entry.is_symlink() and found.is_relative_to(roots.checkout) and not found.is_relative_to(source.resolve()):
        return roots.tree / found.relative_to(roots.checkout)
    return found


def _take_away(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)  # removes the links, not what they lead to
    else:
        place.unlink()
