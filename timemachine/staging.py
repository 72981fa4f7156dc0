"""A scratch index that holds all of a work tree, made without touching the tree or its own index."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from epics.errors import GitFailed, NeedsPerson
from timemachine.flags import look_everywhere
from timemachine.git import Git, as_text, commit_id, last_words
from timemachine.lasting import lasting
from timemachine.worktrees import Worktree

LINK_TO_COMMIT = b"160000"
MOST_LEFT_OUT = 100
NOTHING_IGNORED = 1


@dataclass(frozen=True, kw_only=True)
class SnapshotLimits:
    """What a snapshot may take: bytes of one file (a larger one is left out and listed), bytes of all that is new, and seconds."""

    file_bytes: int = 100 * 1024 * 1024
    new_bytes: int = 4 * 1024 * 1024 * 1024
    seconds: float = 300


@dataclass(kw_only=True)
class Staged:
    """What the scratch index holds, and what of the work tree it does not."""

    head: str | None = None
    is_head: bool = False
    embedded: set[bytes] = field(default_factory=set)
    too_large: set[bytes] = field(default_factory=set)
    left_out: set[bytes] = field(default_factory=set)


@asynccontextmanager
async def scratch_index(worktree: Worktree) -> AsyncGenerator[Path]:
    """Give a copy of the work tree's index; its file times come along, so that git need not read unchanged files again."""
    handle, name = tempfile.mkstemp(prefix="genie-scratch-", dir=worktree.admin)
    os.close(handle)
    scratch = Path(name)
    try:
        scratch.unlink()
        if (own := worktree.admin / "index").is_file():
            # With the time of the index: by it git knows which files may have changed within the clock's tick.
            # In a thread: that of a large repository has tens of megabytes.
            copying = asyncio.ensure_future(asyncio.to_thread(shutil.copy2, own, scratch))
            try:
                await asyncio.shield(copying)
            finally:
                # A thread cannot be stopped: cancelled, it would leave the copy behind what takes it away.
                await asyncio.wait({copying})
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)
        Path(f"{scratch}.lock").unlink(missing_ok=True)


async def stage(worktree: Worktree, index: Path, limits: SnapshotLimits) -> Staged:
    """Put everything that is not ignored into the scratch index.

    Raises:
        NeedsPerson: if more is new in the work tree than the limits allow.
        GitFailed: if git cannot read the work tree.
    """
    git = worktree.git(index)
    status = await _status(git, worktree, index)
    staged = Staged(head=status.head, is_head=not (status.staged or status.present or status.gone))
    present = await _without_embedded(git, worktree.path, status.present, staged)
    present = _within_limits(worktree.path, present, limits, staged)
    if (worktree.path / ".gitmodules").exists():
        staged.embedded |= await filled_submodules(git, worktree.path)
    # First what is gone, by name alone: git refuses to look at a file whose directory is a symbolic link by now.
    if status.gone:
        await git.run_bytes("update-index", "--force-remove", "-z", "--stdin", given=_joined(status.gone))
    await _add(git, present, staged)
    return staged


@dataclass(kw_only=True)
class _Status:
    head: str | None = None
    staged: bool = False
    present: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)


async def _status(git: Git, worktree: Worktree, index: Path) -> _Status:
    # Dirty submodules are not looked into: git would run there, under a config that the attempt can write.
    quiet = ("--no-ahead-behind", "--no-renames", "--ignore-submodules=dirty")
    args = ("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", *quiet)
    if index.is_file():
        try:
            await look_everywhere(git, worktree)
            return _parsed(await git.run_bytes(*args))
        except GitFailed as error:
            if "index" not in str(error):
                raise
    # The index is gone or broken; HEAD and the files are all that is needed, only slower.
    _forget(index)
    await git.run("read-tree", "HEAD")
    return _parsed(await git.run_bytes(*args))


def _forget(index: Path) -> None:
    index.unlink(missing_ok=True)


def _parsed(output: bytes) -> _Status:
    status = _Status()
    for line in output.split(b"\0"):
        kind = line[:2]
        if kind == b"? ":
            status.present.append(line[2:])
        elif kind == b"1 ":
            fields = line.split(b" ", 8)
            status.staged |= fields[1][:1] != b"."
            if fields[1][1:] == b"D":
                status.gone.append(fields[8])
            elif fields[1][1:] != b".":
                status.present.append(fields[8])
        elif kind == b"u ":
            fields = line.split(b" ", 10)
            status.staged = True
            (status.gone if fields[6] == b"000000" else status.present).append(fields[10])
        elif line.startswith(b"# branch.oid ") and line[13:] != b"(initial)":
            status.head = line[13:].decode()
    return status


async def _without_embedded(git: Git, root: Path, paths: Iterable[bytes], staged: Staged) -> list[bytes]:
    """Replace each repository that was made inside the work tree by the files in it; git would keep a mere reference to a commit of it."""
    files = list[bytes]()
    for path in paths:
        if not path.endswith(b"/"):
            files.append(path)
            continue
        staged.embedded.add(path.removesuffix(b"/"))
        inside = await _files_of_embedded(git, root, path)
        files += await _without_embedded(git, root, inside, staged)
    return files


async def _files_of_embedded(git: Git, root: Path, path: bytes) -> list[bytes]:
    directory = root / os.fsdecode(path)
    variables = {**git.variables, "GIT_WORK_TREE": str(directory), "GIT_INDEX_FILE": f"{git.variables['GIT_INDEX_FILE']}.none"}
    there = Git(directory, git.env, git.settings, variables)
    listed = await there.run_bytes("ls-files", "--others", "--exclude-standard", "-z")
    files = [path + name for name in listed.split(b"\0") if name]
    if not files:
        return []
    # Also by the outer repository's rules: what it ignores everywhere is no work here either. With `./` no name is taken for a pattern.
    args = ("check-ignore", "--no-index", "-z", "--stdin")
    dotted = [b"./" + name for name in files]
    done = await git.call(*args, given=_joined(dotted), env={"GIT_LITERAL_PATHSPECS": "0"})
    if done.code != NOTHING_IGNORED:
        git.checked(done, *args)
    hidden = frozenset(done.output.split(b"\0"))
    return [name for name in files if b"./" + name not in hidden]


def _within_limits(root: Path, paths: list[bytes], limits: SnapshotLimits, staged: Staged) -> list[bytes]:
    base, total, kept = os.fsencode(root) + b"/", 0, list[bytes]()
    for path in paths:
        try:
            found = os.lstat(base + path)
        except OSError:
            kept.append(path)
            continue
        if stat.S_ISREG(found.st_mode) and found.st_size > limits.file_bytes:
            staged.too_large.add(path)
            continue
        total += found.st_size
        kept.append(path)
    if total > limits.new_bytes:
        message = (
            f"{root} has {total:,} bytes in new or changed files, more than the {limits.new_bytes:,} a snapshot takes: "
            "remove them, or name them in a .gitignore"
        )
        raise NeedsPerson(message)
    return kept


async def filled_submodules(git: Git, root: Path) -> set[bytes]:
    """Return the submodules of the index in whose directories anything is, whether or not a `.gitmodules` lists them."""
    return _filled_among(await git.run_bytes("ls-files", "--stage", "-z"), root)


async def filled_submodules_of(git: Git, commit: str, root: Path) -> set[bytes]:
    """Return the same where the index is known to hold what the commit holds."""
    return _filled_among(await lasting(git, "ls-tree", "-r", "-z", "--full-tree", commit_id(commit)), root)


def _filled_among(listed: bytes, root: Path) -> set[bytes]:
    links = {entry.partition(b"\t")[2] for entry in listed.split(b"\0") if entry.startswith(LINK_TO_COMMIT)}
    return {link for link in links if _is_filled(root / os.fsdecode(link))}


def _is_filled(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


async def _add(git: Git, paths: list[bytes], staged: Staged) -> None:
    """Add the paths; the few that git cannot take (a socket, an unreadable file, a name it refuses) are left out and listed."""
    marker = "Unable to process path "
    while paths:
        done = await git.call("update-index", "--add", "--remove", "--replace", "-z", "--stdin", given=_joined(paths))
        if done.code == 0:
            ignoring = "Ignoring path "
            if ignoring in done.errors:
                staged.left_out |= {path for path in paths if f"{ignoring}{as_text(path)}\n" in done.errors}
            return
        refused = done.errors.rpartition(marker)[2].removesuffix("\n")
        culprits = {path for path in paths if as_text(path) == refused}
        if marker not in done.errors or not culprits or len(staged.left_out) >= MOST_LEFT_OUT:
            raise GitFailed(f"git cannot take the files of {git.directory} into a snapshot: {last_words(done.errors)}")
        staged.left_out |= culprits
        paths = [path for path in paths if path not in culprits]


def _joined(paths: Iterable[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)
