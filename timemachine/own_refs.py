"""Our own refs in a mirror: listed with whose they are, removed, and what then nothing reaches dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from timemachine.git import commit_id
from timemachine.mirrors import Mirror, protect_all

KEPT = "refs/genie/keep/"
BRANCHES = "refs/heads/genie/"
COLLECT_SECONDS = 7200
_FORMAT = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(trailers:key=Genie-Epic,valueonly,separator=%2C)%00%(subject)"
# As Genie signs its snapshots: "e-… attempt 3 turn 2", "e-…: left in the work tree", "e-…-3: what a crash left".
_SUBJECT = re.compile(r"(e-[0-9a-z]{10})(?:-\d+)?(?::| attempt \d)")
_ID = re.compile(r"e-[0-9a-z]{10}")
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class OwnRef:
    """A ref that Genie made, and the epic that it belongs to as far as it says so itself."""

    name: str
    commit: str
    at: datetime
    """When it was made; where git has packed it with others, when its commit was."""
    epic: str | None

    @property
    def branch(self) -> str | None:
        """The branch that it is, or None."""
        return self.name.removeprefix("refs/heads/") if self.name.startswith(BRANCHES) else None


async def list_own_refs(mirror: Mirror) -> tuple[OwnRef, ...]:
    """Return all commits that are kept and all branches of epics, oldest first."""
    listed = await mirror.git.run("for-each-ref", f"--format={_FORMAT}", KEPT, BRANCHES)
    found = [_ref(mirror, *line.split("\0", 4)) for line in listed.split("\n") if line]
    return tuple(sorted(found, key=lambda ref: (ref.at, ref.name)))


async def remove_refs(mirror: Mirror, refs: Sequence[OwnRef]) -> tuple[OwnRef, ...]:
    """Remove refs that are still as they were listed, and return those; the caller holds the mirror's lock."""
    gone = list[OwnRef]()
    for start in range(0, len(refs), _AT_ONCE):
        batch = refs[start : start + _AT_ONCE]
        if await _remove(mirror, batch):
            gone += batch
        else:
            # One that moved, or is being moved, spoils the transaction: it stays.
            gone += [ref for ref in batch if await _remove(mirror, (ref,))]
    return tuple(gone)


async def keep_reachable(mirror: Mirror, named: Iterable[str], tips: Collection[str]) -> None:
    """Keep those of the commits that are in the mirror and that the tips do not reach."""
    wanted = "".join(f"{commit_id(commit)}\n" for commit in named)
    listed = await mirror.git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", given=wanted.encode())
    here = [name for name, _, kind in (line.partition(" ") for line in listed.splitlines()) if kind == "commit"]
    if here:
        given = "".join((*(f"{commit}\n" for commit in here), *(f"^{tip}\n" for tip in tips)))
        outside = frozenset((await mirror.git.run("rev-list", "--stdin", given=given.encode(), seconds=COLLECT_SECONDS)).splitlines())
        await protect_all(mirror, [commit for commit in here if commit in outside])


async def other_tips(mirror: Mirror) -> frozenset[str]:
    """Where everything else is that keeps objects: cached base branches, and the HEADs of work trees."""
    refs = await mirror.git.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/")
    own = (KEPT, BRANCHES)
    tips = {commit for commit, _, name in (line.partition(" ") for line in refs.splitlines()) if not name.startswith(own)}
    trees = await mirror.git.run("worktree", "list", "--porcelain")
    heads = {line.removeprefix("HEAD ") for line in trees.splitlines() if line.startswith("HEAD ")}
    return frozenset(tips | {head for head in heads if head.strip("0")})


async def reached(mirror: Mirror, tips: Iterable[str]) -> tuple[int, int]:
    """How many objects the tips, the indexes and the logs of work trees reach, and how many bytes they take on the disk."""
    given = "".join(f"{tip}\n" for tip in tips).encode()
    args = ("rev-list", "--objects", "--no-object-names", "--indexed-objects", "--reflog", "--stdin")
    listed = await mirror.git.run_bytes(*args, given=given, seconds=COLLECT_SECONDS)
    size = await mirror.git.run(*args[:2], "--disk-usage", *args[3:], given=given, seconds=COLLECT_SECONDS)
    return listed.count(b"\n"), int(size)


async def stored(mirror: Mirror) -> tuple[int, int]:
    """How many objects there are, and how many bytes they take."""
    args = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectsize:disk)")
    listed = await mirror.git.run_bytes(*args, seconds=COLLECT_SECONDS)
    sizes = listed.split()
    return len(sizes), sum(map(int, sizes))


async def drop_unreachable(mirror: Mirror, before: datetime) -> None:
    """Drop the objects that nothing reaches and that nobody has written since `before`; killed at any instant it has done no harm.

    Others may work in the mirror meanwhile: what they have written lately is too young, and an old object that is written again becomes
    young by that. Refs are left in files of their own, since `loose_ref` looks for them there.
    """
    when = f"@{int(before.timestamp())}"
    repack = ("repack", "-a", "-d", "-l", "-q", "--cruft", f"--cruft-expiration={when}")
    await mirror.git.run(*repack, seconds=COLLECT_SECONDS)
    await mirror.git.run("prune", f"--expire={when}", seconds=COLLECT_SECONDS)


async def _remove(mirror: Mirror, refs: Sequence[OwnRef]) -> bool:
    lines = "".join(f"delete {ref.name} {ref.commit}\n" for ref in refs)
    return (await mirror.git.call("update-ref", "--stdin", given=lines.encode())).code == 0


def _ref(mirror: Mirror, name: str, commit: str, date: str, trailer: str, subject: str) -> OwnRef:
    place = mirror.path / name
    made = place.stat().st_mtime if place.is_file() else int(date or 0)
    return OwnRef(name=name, commit=commit, at=datetime.fromtimestamp(made, tz=UTC), epic=_epic_of(name, trailer, subject))


def _epic_of(name: str, trailer: str, subject: str) -> str | None:
    if name.startswith(BRANCHES):
        found = _ID.fullmatch(name.removeprefix(BRANCHES).partition("/")[0])
        return found[0] if found else None
    if said := _ID.fullmatch(trailer.strip()):
        return said[0]
    begun = _SUBJECT.match(subject)
    return begun[1] if begun else None
