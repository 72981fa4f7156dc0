"""Keeping what an epic adds to git in the database, before any row names it."""

from __future__ import annotations

from collections.abc import Iterable

from db.connection import Pool
from db.epics import Row
from db.leases import Lease
from db.packs import Pack, branch_tips, held_packs, keep_packs, named_commits, packs_behind
from engine.fetching_packs import bring
from engine.lfs_contents import keep_contents
from timemachine.branches import PREFIX, reset_branches
from timemachine.mirrors import Mirror
from timemachine.packs import make_pack, missing_commits, outside_of

# Against how many of the commits that the epic came to hold last a new pack is thin: the turns of one attempt, and that before it.
_RECENT = 3


class Keeper:
    """Keeps the commits of one run of one epic; see `open_keeper`."""

    def __init__(self, pool: Pool, lease: Lease, mirror: Mirror, held: Iterable[str]) -> None:
        """Bind to a run, with what the epic holds already, oldest first."""
        self._pool = pool
        self._lease = lease
        self._mirror = mirror
        self._held = dict.fromkeys(held)

    async def keep(self, commit: str, *, beside: Iterable[str] = ()) -> None:
        """Keep a commit; nothing is done for one that is kept.

        Args:
            commit: the commit.
            beside: commits that it builds on or is like, to be thin against as well; those that are not kept do not count.

        Raises:
            NeedsPerson: if what it adds is too large.
            LeaseLost: if another worker has taken the epic over.
        """
        if commit in self._held:
            return
        near = (*tuple(self._held)[:1], *tuple(self._held)[-_RECENT:], *(other for other in beside if other in self._held))
        await self._store(commit, tuple(dict.fromkeys(near)))

    async def keep_on_base(self, commit: str, tip: str) -> None:
        """Keep a commit of the base branch by name alone, unless the branch, which is at `tip` now, does not hold it any more.

        Such a commit is stored with all that the branch does not have.
        """
        if commit in self._held:
            return
        if await outside_of(self._mirror, (commit,), tip):
            await self._store_beside(commit, tip)
        else:
            await self._name(commit)

    async def store_what_left(self, commits: Iterable[str], tip: str) -> None:
        """Store those of the commits, kept by name alone until now, that the base branch at `tip` does not hold any more."""
        for commit in await outside_of(self._mirror, commits, tip):
            await self._store_beside(commit, tip)

    async def _store_beside(self, commit: str, tip: str) -> None:
        """Store a commit beside the tip of the base branch, or whole where the tip itself was stored beside it."""
        await self._name(tip)
        around = commit in await packs_behind(self._pool, self._lease.thread_id, (tip,))
        await self._store(commit, () if around else (tip,))

    async def _name(self, commit: str) -> None:
        if commit not in self._held:
            await keep_packs(self._pool, self._lease, (Pack(commit=commit),))
            self._held[commit] = None

    async def _store(self, commit: str, known: tuple[str, ...]) -> None:
        data = await make_pack(self._mirror, commit, known)
        # Before a row names the commit, as the pack.
        await keep_contents(self._pool, self._lease, self._mirror, commit, known)
        await keep_packs(self._pool, self._lease, (Pack(commit=commit, data=data, needs=known),))
        self._held[commit] = None


async def open_keeper(pool: Pool, lease: Lease, mirror: Mirror, row: Row, tip: str) -> Keeper:
    """Make the mirror of this host hold what the database says of an epic, and return what keeps the commits to come.

    Args:
        pool: connections to the database.
        lease: of the epic.
        mirror: the mirror of its repository.
        row: the epic's facts.
        tip: where the base branch is now.

    Raises:
        RepositoryUnusable: if a commit that the epic builds on cannot be had any more.
    """
    held = await held_packs(pool, row["id"])
    await bring(pool, mirror, row["id"], [pack.commit for pack in held] or [row["base_commit"]])
    keeper = Keeper(pool, lease, mirror, [pack.commit for pack in held])
    await keeper.keep_on_base(row["base_commit"], tip)
    await keeper.store_what_left([pack.commit for pack in held if not pack.has_data], tip)
    tips = await branch_tips(pool, row["id"])
    if not held:
        # Begun before commits were kept, or never run: what this host lacks of it was never anywhere else.
        named = await named_commits(pool, row["id"])
        lacking = await missing_commits(mirror, named)
        for commit in named:
            if commit not in lacking:
                await keeper.keep(commit)
    await reset_branches(mirror, f"{PREFIX}{row['id']}/", tips)
    return keeper
