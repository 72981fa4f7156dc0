"""Marks in an index that make git look away from a file, found and taken off a scratch copy."""

from __future__ import annotations

import os

from timemachine.git import Git
from timemachine.worktrees import Worktree

SKIPPED = b"S"


async def look_everywhere(git: Git, worktree: Worktree) -> None:
    """Take off the marks by which an edit would be in no snapshot: `--assume-unchanged`, and `--skip-worktree` where the file is there.

    `git` has the scratch index. A file that is skipped and not there (a sparse checkout) is no deletion, so it keeps its mark.
    """
    if worktree.has_first_index():
        return
    listed = (await git.run_bytes("ls-files", "-v", "-z")).split(b"\0")
    assumed = [entry[2:] for entry in listed if entry[:1].islower()]
    skipped = [
        entry[2:] for entry in listed if entry[:1].upper() == SKIPPED and os.path.lexists(os.fsencode(worktree.path) + b"/" + entry[2:])
    ]
    for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        if paths:
            await git.run_bytes("update-index", option, "-z", "--stdin", given=b"".join(path + b"\0" for path in paths))
