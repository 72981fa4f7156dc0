"""Making pointers of contents that somebody else's git has put into an index: that of an agent, which knows nothing of Git LFS."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from timemachine.git import Git
from timemachine.lfs_filling import files_of_lfs, pointers_among, uses_lfs
from timemachine.worktrees import Worktree


async def point_at_contents(worktree: Worktree, git: Git) -> bool:
    """Replace each content of a Git LFS file in the index that `git` has by its pointer, and say whether there was one.

    The index must be that of the files. It is looked into only where the attempt's own git has written it and there are contents
    of Git LFS, so that it costs nothing elsewhere.
    """
    if (
        worktree.has_first_index()
        or not any(store.is_dir() for store in worktree.mirror.lfs_stores())
        or not await uses_lfs(git, "--cached")
    ):
        return False
    blobs = await files_of_lfs(git)
    pointers = await pointers_among(git, blobs.values())
    wrong = [path for path, blob in blobs.items() if blob not in pointers and _is_file(worktree.path / os.fsdecode(path))]
    # Its input is lines; a name with a line end in it stays as it is.
    wrong = [path for path in wrong if b"\n" not in path and not path.startswith(b'"')]
    if not wrong:
        return False
    made = await git.run("hash-object", "-w", "--stdin-paths", given=b"".join(path + b"\n" for path in wrong))
    modes = await _modes(git, wrong)
    lines = (mode + b" " + blob.encode() + b"\t" + path for path, blob, mode in zip(wrong, made.splitlines(), modes, strict=True))
    await git.run_bytes("update-index", "-z", "--index-info", given=b"".join(line + b"\0" for line in lines))
    return True


async def _modes(git: Git, paths: list[bytes]) -> list[bytes]:
    listed = (await git.run_bytes("ls-files", "--stage", "-z")).split(b"\0")
    modes = {path: facts.split()[0] for facts, _, path in (entry.partition(b"\t") for entry in listed if entry)}
    return [modes[path] for path in paths]


def _is_file(place: Path) -> bool:
    try:
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0
