"""The person's own checkouts of a branch: found, and judged clean or not, without touching them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from timemachine.git import Git, as_text

UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
REBASED = ("rebase-merge/head-name", "rebase-apply/head-name")


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A work tree of the person's repository that has a branch checked out, and where git keeps its index and HEAD."""

    path: Path
    admin: Path
    others: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NotClean:
    """Why nothing may be merged into a checkout now."""

    why: str
    files: tuple[str, ...] = ()


async def checkout_of(git: Git, branch: str) -> Checkout | None:
    """Return the work tree, main or linked, that has the branch checked out or is rebasing it, if there is one."""
    found = list[Path]()
    for record in (await git.run_bytes("worktree", "list", "--porcelain", "-z")).split(b"\0\0"):
        fields = {name: value for name, _, value in (field.partition(b" ") for field in record.split(b"\0")) if name}
        if b"worktree" not in fields or b"bare" in fields:
            continue
        path = Path(os.fsdecode(fields[b"worktree"]))
        if not _is_there(path):
            continue
        if fields.get(b"branch") == f"refs/heads/{branch}".encode() or await _rebases(path, git, branch):
            found.append(path)
    return Checkout(path=found[0], admin=await _admin(found[0], git), others=tuple(found[1:])) if found else None


async def why_not_clean(checkout: Checkout, env: Mapping[str, str], settings: tuple[str, ...] = ()) -> NotClean | None:
    """Say what stands against moving the checkout on (changed tracked files, a merge or rebase under way), or None."""
    if checkout.others:
        return NotClean(why=f"the branch is also checked out in {', '.join(map(str, checkout.others))}")
    for name, what in UNDER_WAY.items():
        if (checkout.admin / name).exists():
            return NotClean(why=f"{what} is under way there")
    if (checkout.admin / "index.lock").exists():
        return NotClean(why="another git command is at work there (index.lock)")
    args = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=dirty")
    output = await Git(checkout.path, env, settings).run_bytes(*args)
    files = tuple(as_text(entry[3:]) for entry in output.split(b"\0") if entry)
    return NotClean(why="it has changes that are in no commit", files=files) if files else None


def _is_there(path: Path) -> bool:
    return path.is_dir()


async def _admin(path: Path, git: Git) -> Path:
    output = await Git(path, git.env).run_bytes("rev-parse", "--absolute-git-dir")
    return Path(os.fsdecode(output.removesuffix(b"\n")))


async def _rebases(path: Path, git: Git, branch: str) -> bool:
    admin = await _admin(path, git)
    names = [(admin / name).read_text(errors="replace").strip() for name in REBASED if (admin / name).is_file()]
    return f"refs/heads/{branch}" in names
