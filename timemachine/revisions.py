"""Revisions that people name: branches, tags, commits; and where the change that one of them ends begins."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import quote

from epics.errors import InvalidInput, RepositoryUnusable
from timemachine.commits import commit_of
from timemachine.git import Git, commit_id
from timemachine.mirrors import FETCH, FETCH_SECONDS, Mirror, protect

EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git's id of a tree without files, which every repository has."""

_WHOLE: Final = re.compile(r"[0-9a-f]{40}")
_STRANGE: Final = re.compile(r"[\s\0\\]")
_LONGEST: Final = 255


async def resolve_revision(mirror: Mirror, revision: str) -> str:
    """Find the commit that a person names, and keep it in the mirror.

    Of a repository on this machine anything that git takes for a commit; of one at a URL a branch, a tag or a whole commit id.

    Raises:
        InvalidInput: if that is nothing that git could name.
        RepositoryUnusable: if there is no such commit, or it cannot be had.
    """
    if not revision or len(revision) > _LONGEST or revision.startswith("-") or _STRANGE.search(revision) or not revision.isprintable():
        raise InvalidInput(f"{revision[:80]!r} names no commit: give a branch, a tag or a commit id")
    found = await _named(mirror, revision)
    if found is None:
        raise RepositoryUnusable(f"{mirror.location} has no commit {revision!r}: give a branch, a tag or a whole commit id")
    return await fetch_revision(mirror, found)


async def fetch_revision(mirror: Mirror, commit: str) -> str:
    """Have a commit in the mirror, and keep it; return its id.

    Raises:
        RepositoryUnusable: if it cannot be had.
    """
    if await commit_of(mirror.git, commit_id(commit)) is None and not await mirror.fetch_commit(commit):
        raise RepositoryUnusable(f"{mirror.location} does not give the commit {commit}: name a branch or a tag that holds it")
    await protect(mirror, commit)
    return commit


async def change_begins_at(mirror: Mirror, base: str, at: str) -> str:
    """Where the change that ends at a commit begins: where it left the base branch, or before the commit itself where it is on it."""
    done = await mirror.git.call("merge-base", commit_id(base), commit_id(at))
    parted = done.text if done.code == 0 else ""
    if parted and parted != at:
        return parted
    return await commit_of(mirror.git, f"{commit_id(at)}^") or EMPTY_TREE


async def subjects(mirror: Mirror, begin: str, end: str, *, most: int) -> tuple[str, ...]:
    """The first lines of the messages of the commits of a change, the newest first."""
    but = () if begin == EMPTY_TREE else (f"^{commit_id(begin)}",)
    listed = await mirror.git.run("log", f"--max-count={most}", "--format=%s", commit_id(end), *but)
    return tuple(listed.splitlines())


async def _named(mirror: Mirror, revision: str) -> str | None:
    if mirror.is_path:
        return await commit_of(Git(Path(mirror.location), mirror.env), revision)
    if _WHOLE.fullmatch(revision):
        return revision
    for kind in ("heads", "tags"):
        ref = f"refs/genie/named/{kind}-{quote(revision, safe='')}"
        async with mirror.lock():
            mirror.reassert_settings()
            args = (*FETCH, "--update-shallow", "--end-of-options", mirror.location, f"+refs/{kind}/{revision}:{ref}")
            done = await mirror.git.call(*args, seconds=FETCH_SECONDS, network=True)
        if done.code == 0:
            return await commit_of(mirror.git, ref)
    return None
