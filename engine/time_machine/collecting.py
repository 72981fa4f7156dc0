"""Collecting what nothing names any more: on this host's home and in the database, a dry run unless it is asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from db.collecting import branches_of_repo, commits_of_repo, epics_of_home, unheld_packs
from db.packs import collect_packs
from engine.assembling import Installation
from engine.time_machine.collecting_views import Collected, Gone, Stays
from timemachine.locks import locked
from timemachine.mirrors import Mirror, mirror_path
from timemachine.own_refs import OwnRef, drop_unreachable, keep_reachable, list_own_refs, other_tips, reached, remove_refs, stored
from timemachine.remains import Remains, holding_commit, left_trees, remove_remains, shelved_is_whole, shelved_trees, size_of
from timemachine.workspace import open_workspace, worktrees_folder

YOUNGEST: Final = timedelta(days=1)
"""What is younger is never removed, whatever was asked for: somebody may be about to name it."""
_PATIENCE_S: Final = 5.0

Kind = Literal["branches", "commits", "work trees", "shelved"]


@dataclass(frozen=True, kw_only=True)
class _Thing:
    """Something that nothing names."""

    kind: Kind
    at: datetime
    repo: str
    epic: str | None = None
    ref: OwnRef | None = None
    place: Remains | None = None
    held_in: str = ""
    """The commit that has all that is in the place."""


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """What a mirror holds, and what of it anything reaches."""

    objects: int
    bytes: int
    reached: int
    reached_bytes: int


@dataclass(kw_only=True)
class _Host:
    """What was found on this host."""

    mirrors: dict[str, Mirror] = field(default_factory=dict)
    refs: dict[str, tuple[OwnRef, ...]] = field(default_factory=dict)
    figures: dict[str, _Figures] = field(default_factory=dict)
    things: list[_Thing] = field(default_factory=list)
    stays: Counter[str] = field(default_factory=Counter)


async def collect(installation: Installation, *, older_than: timedelta, quota: int | None, apply: bool) -> Collected:
    """Remove what nothing that is kept needs, or say what that would be.

    Kept is what any epic of this database names, whatever else it is; what is of an epic that has not ended, or that somebody has; and
    what is not known to be of an epic of this database, since another one may use this home too.

    Args:
        installation: whose home, and whose database.
        older_than: the age from which what nothing names goes.
        quota: bytes that mirrors and work trees may take: beyond it the oldest things go though they are younger, down to a day.
        apply: whether to remove it.

    Raises:
        Environment: if another process collects in this home.
    """
    home = installation.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    places = (home / "repos", home / "worktrees", home / "shelf")
    async with locked(home / "collecting.lock", patience_s=_PATIENCE_S, stopped_s=_PATIENCE_S):
        before = await asyncio.to_thread(size_of, *places)
        host = await _look(installation)
        now = datetime.now(UTC)
        due = sorted((thing for thing in host.things if thing.at <= now - YOUNGEST), key=lambda thing: thing.at)
        chosen = sum(thing.at <= now - max(older_than, YOUNGEST) for thing in due)
        if quota is not None:
            chosen = await _enough(host, due, chosen, before - quota)
        gone, packs = due[:chosen], await unheld_packs(installation.database.pool)
        parts = [*await _measured(host, gone), Gone(kind="packs", count=packs.packs, bytes=packs.bytes, why="no epic holds them")]
        after = max(before - sum(part.bytes for part in parts if part.kind != "packs"), 0)
        if apply:
            # What lost its ref may be as young as the youngest of these.
            age = min(older_than, now - gone[-1].at) if gone else older_than
            await _remove(installation, host, gone, now - max(age, YOUNGEST))
            await collect_packs(installation.database.pool)
            after = await asyncio.to_thread(size_of, *places)
    host.stays["too young"] += len(host.things) - chosen
    stays = tuple(Stays(why=why, count=count) for why, count in sorted(host.stays.items()) if count)
    return Collected(applied=apply, parts=tuple(parts), stays=stays, bytes_before=before, bytes_after=after, quota=quota)


async def _look(installation: Installation) -> _Host:
    host, pool = _Host(), installation.database.pool
    epics = await epics_of_home(pool)
    known = frozenset(epic.id for epic in epics)
    for repo in sorted({epic.repo for epic in epics}):
        if not mirror_path(installation.home, repo).is_dir():
            continue
        mirror = (await open_workspace(installation.home, repo, installation.git_environment)).mirror
        # First the refs, then what is named: what comes in between is named, and stays.
        host.mirrors[repo], host.refs[repo] = mirror, await list_own_refs(mirror)
        named, branches = await commits_of_repo(pool, repo), await branches_of_repo(pool, repo)
        at_rest = frozenset(epic.id for epic in epics if epic.at_rest and epic.repo == repo)
        for ref in host.refs[repo]:
            if ref.branch in branches or (ref.branch is None and ref.commit in named):
                continue
            why = _why_ref_stays(ref, known, at_rest)
            if why is None:
                host.things.append(_Thing(kind="branches" if ref.branch else "commits", at=ref.at, repo=repo, epic=ref.epic, ref=ref))
            else:
                host.stays[why] += 1
        await _look_at_trees(installation.home, host, repo, at_rest, named)
        all_tips = await other_tips(mirror) | {ref.commit for ref in host.refs[repo]}
        (objects, size), (found, used) = await stored(mirror), await reached(mirror, all_tips)
        host.figures[repo] = _Figures(objects=objects, bytes=size, reached=found, reached_bytes=used)
    host.stays["mirrors that no epic of this database works on"] += _strange_mirrors(installation.home, host)
    host.stays["work trees of epics that this database does not know"] += _strange_folders(installation.home, known)
    return host


def _why_ref_stays(ref: OwnRef, known: frozenset[str], at_rest: frozenset[str]) -> str | None:
    if ref.epic is None:
        return "commits that do not say of which epic they are, such as those of the base branch"
    if ref.epic not in known:
        return "refs of epics that this database does not know"
    return None if ref.epic in at_rest else "of epics that have not ended"


async def _look_at_trees(home: Path, host: _Host, repo: str, epics: frozenset[str], named: frozenset[str]) -> None:
    mirror = host.mirrors[repo]
    for found in shelved_trees(mirror):
        if await shelved_is_whole(mirror, found.path):
            host.things.append(_Thing(kind="shelved", at=found.at, repo=repo, place=found))
        else:
            host.stays["trees on the shelf that somebody changed"] += 1
    for epic in sorted(epics):
        # The newest first: what was set aside last is most like them.
        kept = [ref.commit for ref in reversed(host.refs[repo]) if ref.epic == epic and ref.commit in named]
        for found in left_trees(mirror, worktrees_folder(home, epic)):
            held_in = await holding_commit(mirror, found.path, kept)
            if held_in is not None:
                host.things.append(_Thing(kind="work trees", at=found.at, repo=repo, epic=epic, place=found, held_in=held_in))
            else:
                host.stays["work trees with what is in no kept commit"] += 1


def _strange_mirrors(home: Path, host: _Host) -> int:
    ours = {mirror.path for mirror in host.mirrors.values()}
    folder = home.resolve() / "repos"
    return sum(place.is_dir() and place not in ours for place in folder.iterdir()) if folder.is_dir() else 0


def _strange_folders(home: Path, known: frozenset[str]) -> int:
    folder = worktrees_folder(home)
    return sum(place.is_dir() and place.name not in known for place in folder.iterdir()) if folder.is_dir() else 0


async def _enough(host: _Host, due: Sequence[_Thing], least: int, over: int) -> int:
    """How many of the oldest must go, so that what takes too much room does not any more; all of them where even that is too little."""
    low, high = least, len(due)
    while low < high:
        middle = (low + high) // 2
        if sum(part.bytes for part in await _measured(host, due[:middle])) >= over:
            high = middle
        else:
            low = middle + 1
    return low


async def _measured(host: _Host, gone: Sequence[_Thing]) -> list[Gone]:
    """What goes with these things, kind by kind."""
    parts = {
        "branches": Gone(kind="branches", count=0, bytes=0, why="of epics that have ended; nothing names them"),
        "commits": Gone(kind="commits", count=0, bytes=0, why="snapshots of epics that have ended; nothing names them"),
        "work trees": Gone(kind="work trees", count=0, bytes=0, why="of epics that have ended; all of their files are in kept commits"),
        "shelved": Gone(kind="shelved", count=0, bytes=0, why="work trees that wait for an attempt, and hold nothing but their commit"),
        "objects": Gone(kind="objects", count=0, bytes=0, why="nothing reaches them any more; those of the last days stay"),
    }
    for repo, figures in host.figures.items():
        parts["objects"] = parts["objects"].plus(max(figures.objects - figures.reached, 0), max(figures.bytes - figures.reached_bytes, 0))
        refs = {thing.ref for thing in gone if thing.repo == repo and thing.ref is not None}
        if refs:
            mirror = host.mirrors[repo]
            _, still = await reached(mirror, await other_tips(mirror) | {ref.commit for ref in host.refs[repo] if ref not in refs})
            parts["commits"] = parts["commits"].plus(0, max(figures.reached_bytes - still, 0))
    for thing in gone:
        parts[thing.kind] = parts[thing.kind].plus(1, thing.place.bytes if thing.place else 0)
    return list(parts.values())


async def _remove(installation: Installation, host: _Host, gone: Sequence[_Thing], before: datetime) -> None:
    pool = installation.database.pool
    for repo, mirror in host.mirrors.items():
        # Looked at again: it takes a while to get here, and an epic that ended can go on.
        at_rest = frozenset(epic.id for epic in await epics_of_home(pool) if epic.at_rest)
        mine = [thing for thing in gone if thing.repo == repo and (thing.epic is None or thing.epic in at_rest)]
        async with mirror.lock():
            mirror.reassert_settings()
            named, branches = await commits_of_repo(pool, repo), await branches_of_repo(pool, repo)
            for thing in mine:
                if thing.place is not None and await _is_still_so(mirror, thing):
                    await remove_remains(mirror, thing.place.path)
            doomed = [
                ref for thing in mine if (ref := thing.ref) and ref.branch not in branches and (ref.branch or ref.commit not in named)
            ]
            others = await other_tips(mirror) | {ref.commit for ref in host.refs[repo] if ref not in doomed}
            # Before anything loses its ref: a commit that is named may have been reached by another's alone.
            await keep_reachable(mirror, named, others)
            await remove_refs(mirror, doomed)
        if doomed or host.figures[repo].bytes > host.figures[repo].reached_bytes:
            await drop_unreachable(mirror, before)


async def _is_still_so(mirror: Mirror, thing: _Thing) -> bool:
    """Whether a directory is still what it was when it was looked at; now under the mirror's lock."""
    if thing.place is None or not thing.place.path.is_dir():
        return False
    if thing.kind == "shelved":
        return await shelved_is_whole(mirror, thing.place.path)
    return await holding_commit(mirror, thing.place.path, (thing.held_in,)) is not None
