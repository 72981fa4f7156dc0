"""Filling the Git LFS files of a work tree: where git has a pointer, the tree gets the content."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from epics.errors import GitFailed
from timemachine.git import Git, last_words
from timemachine.lfs_filter import MOST_OF_POINTER, Pointer, has_content, pointer_in
from timemachine.lfs_stores import store_of
from timemachine.mirrors import FETCH_SECONDS, Mirror
from timemachine.seclusion import AS_IT_IS, programs_from
from timemachine.worktrees import Worktree, finish_index, outdate_files

REMOTE: Final = "genie"
NO_PROGRAM: Final = "git-lfs is not installed here"


@dataclass(frozen=True, kw_only=True)
class LfsFilled:
    """What became of the Git LFS files of a work tree: how many have their content, which are pointers still, and why."""

    filled: int
    pointers: tuple[str, ...] = ()
    why: str = ""


async def fill_lfs(worktree: Worktree) -> LfsFilled | None:
    """Give each Git LFS file of a work tree its content; None where there are no such files.

    One whose content cannot be had stays a pointer. Contents come from the person's checkout, else from the LFS server of the repository's
    own address: nothing that is written in the tree says where from.

    Raises:
        GitFailed: if git cannot read or write the work tree.
    """
    git = worktree.git()
    if not await uses_lfs(git, "--cached"):
        return None
    files = await _pointers_of_index(git)
    if not files:
        return None
    mirror, why = worktree.mirror, ""
    if _lacking(mirror, files.values()) and mirror.lfs_store_of_theirs is None:
        why = await _fetch(mirror, await worktree.head())
    lacking = _lacking(mirror, files.values())
    empty = await asyncio.to_thread(_still_pointers, worktree.path, {path: each for path, each in files.items() if each not in lacking})
    if empty:
        await _write(worktree, empty)
    left = tuple(os.fsdecode(path) for path, each in files.items() if each in lacking)
    reason = (why or "neither Genie nor the repository has their contents") if left else ""
    return LfsFilled(filled=len(files) - len(left), pointers=left, why=reason)


async def uses_lfs(git: Git, where: str) -> bool:
    """Say whether attributes give any file to Git LFS.

    Args:
        git: where to look.
        where: a commit, or `--cached` for the index.
    """
    # With globs: attributes are in every folder.
    args = ("grep", "--quiet", "--fixed-strings", "-e", "filter=lfs", where, "--", ":(glob)**/.gitattributes")
    return (await git.call(*args, env={"GIT_LITERAL_PATHSPECS": "0"})).code == 0


async def files_of_lfs(git: Git) -> dict[bytes, str]:
    """Return the blobs of the paths in the index that its attributes give to Git LFS."""
    listed = [entry.partition(b"\t") for entry in (await git.run_bytes("ls-files", "--stage", "-z")).split(b"\0") if entry]
    blobs = {path: facts.split()[1].decode() for facts, _, path in listed if facts.startswith(b"100")}
    asked = b"".join(path + b"\0" for path in blobs)
    said = (await git.run_bytes("check-attr", "--cached", "-z", "--stdin", "filter", given=asked)).split(b"\0")
    return {path: blobs[path] for path, value in zip(said[0::3], said[2::3], strict=False) if value == b"lfs"}


async def pointers_among(git: Git, blobs: Iterable[str]) -> dict[str, Pointer]:
    """Return the pointers among blobs, by the blob's id."""
    asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs)).encode()
    sizes = (line.split() for line in (await git.run("cat-file", "--batch-check", given=asked)).splitlines())
    small = [line[0] for line in sizes if len(line) == 3 and line[1] == "blob" and int(line[2]) <= MOST_OF_POINTER]  # noqa: PLR2004  (id, kind, size)
    output = await git.run_bytes("cat-file", "--batch", given="".join(f"{blob}\n" for blob in small).encode()) if small else b""
    found, at = dict[str, Pointer](), 0
    for blob in small:
        head = output.index(b"\n", at)
        end = head + 1 + int(output[at:head].split()[2])
        if pointer := pointer_in(output[head + 1 : end]):
            found[blob] = pointer
        at = end + 1
    return found


def lfs_git(mirror: Mirror) -> Git:
    """Git in the mirror, for `git lfs`: bare and at no commit, it has no `.lfsconfig`, and knows the repository's own address alone.

    Raises:
        GitFailed: if git-lfs is not installed.
    """
    if not has_git_lfs(mirror.env):
        raise GitFailed(f"{NO_PROGRAM}: install it (the package git-lfs), so that contents can be had from a server and put there")
    mirror.reassert_settings()
    settings = [f"remote.{REMOTE}.url={mirror.location}", f"lfs.storage={store_of(mirror.path)}"]
    if mirror.location.startswith(("http://", "https://")):
        settings.append(f"lfs.url={mirror.location.rstrip('/').removesuffix('.git')}.git/info/lfs")
    settings += ["lfs.basictransfersonly=true", "lfs.standalonetransferagent=", "lfs.fetchrecentalways=false", "lfs.locksverify=false"]
    settings += ["lfs.fetchinclude=", "lfs.fetchexclude=", "lfs.skipdownloaderrors=false", "lfs.allowincompletepush=false"]
    return Git(mirror.path, mirror.env, (*AS_IT_IS, *settings), {"GIT_DIR": str(mirror.path)})


def has_git_lfs(env: Mapping[str, str]) -> bool:
    """Say whether the program that speaks to LFS servers is installed."""
    return shutil.which("git-lfs", path=programs_from(env.get("PATH", os.defpath))) is not None


async def _fetch(mirror: Mirror, commit: str) -> str:
    """Fetch what a commit's files need from the LFS server; what went wrong, or nothing."""
    try:
        done = await lfs_git(mirror).call("lfs", "fetch", REMOTE, commit, seconds=FETCH_SECONDS, network=True)
    except GitFailed as error:
        return str(error)
    return "" if done.code == 0 else last_words(done.errors)


async def _pointers_of_index(git: Git) -> dict[bytes, Pointer]:
    blobs = await files_of_lfs(git)
    pointers = await pointers_among(git, blobs.values())
    return {path: pointers[blob] for path, blob in blobs.items() if blob in pointers}


def _lacking(mirror: Mirror, pointers: Iterable[Pointer]) -> set[Pointer]:
    stores = mirror.lfs_stores()
    return {each for each in pointers if not any(has_content(store, each) for store in stores)}


def _still_pointers(root: Path, files: Mapping[bytes, Pointer]) -> list[bytes]:
    """Those of the files that are their own pointer in the tree: what anything else is there is work, and stays."""
    base = os.fsencode(root) + b"/"
    return [path for path, pointer in files.items() if _holds(base + path, pointer)]


def _holds(place: bytes, pointer: Pointer) -> bool:
    try:
        if not stat.S_ISREG(os.lstat(place).st_mode) or os.lstat(place).st_size != len(pointer.text):
            return False
        return Path(os.fsdecode(place)).read_bytes() == pointer.text
    except OSError:
        return False


async def _write(worktree: Worktree, paths: list[bytes]) -> None:
    """Let git write the files anew: it passes over those that look as it left them, so they are made to look older."""
    own = worktree.has_first_index()
    for path in paths:
        os.utime(worktree.path / os.fsdecode(path), (0, 0), follow_symlinks=False)
    given = b"".join(path + b"\0" for path in paths)
    await worktree.git().run_bytes("checkout-index", "--force", "--index", "-z", "--stdin", given=given, seconds=FETCH_SECONDS)
    if own:
        await outdate_files(worktree.admin / "index")
        finish_index(worktree)
