"""Contents of Git LFS files on their way between hosts: kept in the database with the commits that name them, brought to who lacks them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from db.connection import Pool
from db.leases import Lease
from db.lfs_contents import keep_lfs_content, kept_lfs_contents, lfs_content
from epics.errors import NeedsPerson
from timemachine.lfs_filling import uses_lfs
from timemachine.lfs_filter import Pointer, has_content, keep_content, object_path
from timemachine.lfs_publishing import new_pointers
from timemachine.lfs_stores import store_of
from timemachine.mirrors import Mirror
from timemachine.packs import LARGEST_PACK


async def keep_contents(pool: Pool, lease: Lease, mirror: Mirror, commit: str, known: Iterable[str]) -> None:
    """Keep the contents that a commit names, and the commits of `known` and the base branches do not.

    Raises:
        NeedsPerson: if one is too large.
        LeaseLost: if another worker has taken the epic over.
    """
    store = store_of(mirror.path)
    # Where nobody wrote a content there is none, and git need not be asked.
    if not (store / "objects").is_dir():
        return
    here = {each.oid: each for each in await new_pointers(mirror, commit, known) if has_content(store, each)}
    kept = await kept_lfs_contents(pool, lease.thread_id, here) if here else frozenset[str]()
    for oid, pointer in here.items():
        if oid in kept:
            continue
        if pointer.size > LARGEST_PACK:
            message = (
                f"a file of Git LFS in commit {commit[:12]} has {pointer.size:,} bytes, more than the {LARGEST_PACK:,} that Genie keeps "
                "for other hosts: leave it out of the work, or make it smaller"
            )
            raise NeedsPerson(message)
        await keep_lfs_content(pool, lease, oid, await asyncio.to_thread(object_path(store, oid).read_bytes))


async def bring_contents_here(pool: Pool, mirror: Mirror, epic_id: str, at: str) -> None:
    """Bring into the mirror's store what a commit or tree names, other hosts wrote, and this one lacks."""
    if not await uses_lfs(mirror.git, at):
        return
    stores = mirror.lfs_stores()
    for pointer in await new_pointers(mirror, at):
        if any(has_content(store, pointer) for store in stores):
            continue
        if (data := await lfs_content(pool, epic_id, pointer.oid)) is not None:
            await asyncio.to_thread(_put, stores[0], pointer, data)


def _put(store: Path, pointer: Pointer, data: bytes) -> None:
    if len(data) == pointer.size:
        keep_content(store, BytesIO(data))
