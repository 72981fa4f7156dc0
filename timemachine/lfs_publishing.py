"""Bringing the contents of new Git LFS files to where a branch goes, before the branch itself does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from epics.errors import GitFailed
from timemachine.git import commit_id, last_words
from timemachine.lfs_filling import REMOTE, lfs_git, pointers_among, uses_lfs
from timemachine.lfs_filter import MOST_OF_POINTER, Pointer, has_content, keep_content, opened
from timemachine.lfs_stores import store_of
from timemachine.mirrors import FETCH_SECONDS, Mirror

_AT_ONCE: Final = 500


async def bring_contents(mirror: Mirror, commit: str) -> str:
    """Put the contents that a commit needs and the base branches do not into the person's store, or to the LFS server.

    Contents that are there stay as they are. Where one cannot be had nothing is put anywhere, and the branch must not follow.

    Returns:
        Why they are not all there; empty if they are.
    """
    if not await uses_lfs(mirror.git, commit_id(commit)):
        return ""
    pointers = await new_pointers(mirror, commit)
    if not pointers:
        return ""
    theirs = mirror.lfs_store_of_theirs
    return await (_lend(mirror, theirs, pointers) if theirs else _push(mirror, pointers))


async def new_pointers(mirror: Mirror, at: str, known: Iterable[str] = ()) -> tuple[Pointer, ...]:
    """Return the pointers that a commit or tree has and no base branch, as last fetched, nor a commit of `known` has."""
    args = ("rev-list", "--objects", "--no-object-names", f"--filter=blob:limit={MOST_OF_POINTER + 1}", commit_id(at))
    listed = await mirror.git.run(*args, "--not", *map(commit_id, known), "--glob=refs/genie/base/*")
    return tuple(dict.fromkeys((await pointers_among(mirror.git, listed.splitlines())).values()))


async def _lend(mirror: Mirror, theirs: Path, pointers: tuple[Pointer, ...]) -> str:
    ours = store_of(mirror.path)
    wanted = [each for each in pointers if not has_content(theirs, each)]
    missing = [each for each in wanted if not has_content(ours, each)]
    if missing:
        return _unknown(missing)
    try:
        broken = await asyncio.to_thread(_copy, ours, theirs, wanted)
    except OSError as error:
        return f"contents of Git LFS cannot be put into {theirs}: {error.strerror}"
    return _unknown([broken]) if broken else ""


def _copy(ours: Path, theirs: Path, pointers: list[Pointer]) -> Pointer | None:
    for each in pointers:
        content = opened([ours], each)
        if content is None:
            return each
        with content:
            keep_content(theirs, content)
    return None


async def _push(mirror: Mirror, pointers: tuple[Pointer, ...]) -> str:
    # What is not here can only be there already, as where a file was moved; without a content there is nothing to send.
    ours = [each for each in pointers if has_content(store_of(mirror.path), each)]
    try:
        git = lfs_git(mirror)
        for at in range(0, len(ours), _AT_ONCE):
            args = ("lfs", "push", "--object-id", REMOTE, *(each.oid for each in ours[at : at + _AT_ONCE]))
            done = await git.call(*args, seconds=FETCH_SECONDS, network=True)
            if done.code != 0:
                return f"contents of Git LFS were not taken: {last_words(done.errors or done.text)}"
    except GitFailed as error:
        return str(error)
    return ""


def _unknown(missing: list[Pointer]) -> str:
    first = missing[0]
    return (
        f"{len(missing)} contents of Git LFS that the work names are not on this host, the first is {first.oid[:12]} "
        f"with {first.size:,} bytes: they are kept where the attempt ran, so this has to be done there"
    )
