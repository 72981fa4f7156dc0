"""Where an agent may write: paths confined to the work tree, and the globs that allow and forbid them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from epics.errors import PathRefused

_WILDCARDS = frozenset("*?[")

_UNSEEN = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""Characters that some file systems ignore in names, so that `.g\u200cit` opens `.git` there."""


def confine(tree: Path, path: str) -> Path:
    """Return the real path of `path` inside `tree`, every symbolic link followed.

    The file need not exist. What is returned has no link in it, so the globs of a boundary must be held against it and not
    against what was asked for. Between this look and the use of the path a link can be put in its place: commands of an agent
    run when its file tools do not, so only something that escaped from them could.

    Raises:
        PathRefused: if it is empty, has a NUL or `..`, leads out of the tree (by itself or by a link), or into `.git`.
    """
    if not path or "\0" in path:
        raise PathRefused(f"the path {path!r} cannot be used: give a path relative to the work tree, such as src/app.py")
    root = Path(os.path.realpath(tree))
    asked = Path(path)
    if asked.is_absolute():
        asked = _inside(root, tree, asked)
    if ".." in asked.parts:
        raise PathRefused(f"the path {path!r} has '..' in it: give it relative to the root of the work tree")
    _keep_out_of_git(asked, path)
    real = Path(os.path.realpath(root / asked))
    if not real.is_relative_to(root):
        raise PathRefused(f"the path {path!r} leads through a symbolic link out of the work tree: only files inside it can be used")
    _keep_out_of_git(real.relative_to(root), path)
    return real


def _inside(root: Path, tree: Path, asked: Path) -> Path:
    for start in (tree, root):
        if asked.is_relative_to(start):
            return asked.relative_to(start)
    raise PathRefused(f"the path {str(asked)!r} is outside of the work tree: give a path relative to its root")


def _keep_out_of_git(relative: Path, asked: str) -> None:
    if any(_opens_git(part) for part in relative.parts):
        raise PathRefused(f"the path {asked!r} is git's own: history is kept by Genie, use read-only git commands to look at it")


def _opens_git(part: str) -> bool:
    name = _UNSEEN.sub("", part).casefold().split(":", 1)[0].rstrip(". ")
    return name in {".git", "git~1"}


def matches(path: str, globs: Iterable[str]) -> bool:
    """Say whether one of the globs stands for `path`, both relative to the root of the repository.

    `*` and `?` stay within a folder, `**` is any number of folders. A glob that ends without a wildcard stands for the file or the
    folder of that name, with everything in it; one that ends in `/` for everything in the folder.
    """
    return any(_pattern(glob).fullmatch(path) is not None for glob in globs)


def violations(paths: Iterable[str], allowed: Iterable[str], forbidden: Iterable[str]) -> tuple[str, ...]:
    """Return those of `paths` that no allowed glob stands for, or that a forbidden one does, in their order."""
    may, must_not = tuple(allowed), tuple(forbidden)
    return tuple(path for path in paths if not matches(path, may) or matches(path, must_not))


def as_regex(glob: str) -> str:
    """Return the regular expression that fits, as a whole, the paths a glob stands for."""
    return _pattern(glob).pattern


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = [part for part in glob.strip().split("/") if part not in {"", "."}]
    if not parts:
        return re.compile(".*" if glob.strip() else "(?!)", re.DOTALL)
    if glob.rstrip().endswith("/"):
        parts.append("**")
    *folders, last = [part for part, after in zip_longest(parts, parts[1:]) if part != "**" or after != "**"]
    written = _folders(folders)
    if last == "**":
        return re.compile(written + ".+", re.DOTALL)
    tail = "" if _WILDCARDS & set(last) else "(?:/.+)?"
    return re.compile(written + _segment(last) + tail, re.DOTALL)


def _folders(parts: list[str]) -> str:
    """The folders before the last part. Between two `**` the first place that fits is as good as any, so no other is tried."""
    blocks = [""]
    for part in parts:
        if part == "**":
            blocks.append("")
        else:
            blocks[-1] += _segment(part) + "/"
    if len(blocks) == 1:
        return blocks[0]
    first, *middle, last = blocks
    return first + "".join(f"(?>(?:[^/]+/)*?{block})" for block in middle) + "(?:[^/]+/)*" + last


def _segment(part: str) -> str:
    """One part of a path. Between two `*` the first place that fits is as good as any: without that, one name could take for ever."""
    first, *others = _between_stars(part)
    if not others:
        return first
    return first + "".join(f"(?>[^/]*?{piece})" for piece in others[:-1] if piece) + "[^/]*" + others[-1]


def _between_stars(part: str) -> list[str]:
    pieces, rest = [""], part
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "[^/]"
        elif char == "[" and "]" in rest[1:]:
            end = rest.index("]", 1)
            inner, rest = rest[:end].replace("\\", r"\\"), rest[end + 1 :]
            pieces[-1] += "[^/" + inner[1:] + "]" if inner[0] in "!^" else f"(?!/)[{inner}]"
        else:
            pieces[-1] += re.escape(char)
    return pieces
