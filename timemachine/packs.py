"""Thin packs: what one commit adds to git beside commits that are known, as bytes that any mirror with those commits can take in."""

from __future__ import annotations

from collections.abc import Iterable

from epics.errors import GitFailed, NeedsPerson
from timemachine.git import commit_id
from timemachine.mirrors import Mirror, protect

LARGEST_PACK = 128 * 1024 * 1024
PACK_SECONDS = 600
# `--shallow` has nothing to do with shallow clones here: it makes git leave out what the trees of *all* excluded commits hold, not
# only those of ancestors, so that what an earlier turn wrote is not packed again.
PACK = ("pack-objects", "--quiet", "--stdout", "--revs", "--thin", "--shallow", "--delta-base-offset")


async def make_pack(mirror: Mirror, commit: str, known: Iterable[str], *, most: int = LARGEST_PACK) -> bytes:
    """Pack what `commit` and its history hold and the commits of `known`, with theirs, do not.

    Args:
        mirror: where the commits are.
        commit: what the pack brings.
        known: commits that will be there wherever the pack is taken in; without any, the pack is whole.
        most: the largest pack to make, in bytes.

    Raises:
        NeedsPerson: if it would be larger.
        GitFailed: if a commit is not in the mirror.
    """
    wanted = "".join(f"{line}\n" for line in (commit_id(commit), *(f"^{commit_id(other)}" for other in known)))
    done = await mirror.git.call(*PACK, given=wanted.encode(), seconds=PACK_SECONDS, limit=most)
    if done.cut:
        message = (
            f"what commit {commit[:12]} adds takes more than {most:,} bytes packed, which is more than Genie keeps for a moment: "
            "name large files that are no work in a .gitignore of the base branch, or keep them outside of the repository"
        )
        raise NeedsPerson(message)
    return mirror.git.checked(done, *PACK).output


async def take_in(mirror: Mirror, commit: str, pack: bytes) -> None:
    """Unpack what `make_pack` made, and keep the commit; taking it in again is fine.

    Raises:
        GitFailed: if a commit that the pack builds on is missing, or the pack does not bring its commit.
    """
    await mirror.git.run("index-pack", "--stdin", "--fix-thin", given=pack, seconds=PACK_SECONDS)
    if await missing_commits(mirror, (commit,)):
        raise GitFailed(f"the pack of commit {commit[:12]} does not bring it")
    await protect(mirror, commit)


async def missing_commits(mirror: Mirror, commits: Iterable[str]) -> tuple[str, ...]:
    """Return those of the commits that the mirror does not have."""
    asked = tuple(dict.fromkeys(commit_id(commit) for commit in commits))
    if not asked:
        return ()
    lines = (await mirror.git.run("cat-file", "--batch-check", given="".join(f"{commit}\n" for commit in asked).encode())).splitlines()
    return tuple(commit for commit, line in zip(asked, lines, strict=True) if line.endswith(" missing"))


async def outside_of(mirror: Mirror, commits: Iterable[str], tip: str) -> tuple[str, ...]:
    """Return those of the commits that the history of `tip` does not hold."""
    asked = tuple(dict.fromkeys(commit_id(commit) for commit in commits if commit != tip))
    if not asked:
        return ()
    # In one call: nothing is listed for a commit that `tip` holds.
    listed = await mirror.git.run("rev-list", *asked, f"^{commit_id(tip)}")
    found = frozenset(listed.splitlines())
    return tuple(commit for commit in asked if commit in found)
