"""Work trees that epics leave behind: put away when the epic has ended, after their content is kept as commits."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Final

import structlog

from db.epics import fetch_all
from engine.assembling import Installation
from engine.attempt_folders import sweep_folders
from engine.running import Running
from epics.errors import Conflict, GenieError, StoreUnavailable
from timemachine.commits import Signature
from timemachine.mirrors import mirror_path, protect
from timemachine.removals import remove_worktree
from timemachine.snapshots import snapshot
from timemachine.submodules import empty_submodules
from timemachine.workspace import Workspace, open_workspace, worktrees_folder
from timemachine.worktrees import find_worktree

_AGAIN_S: Final = 300.0


async def put_away(running: Running) -> None:
    """Remove the work trees of an epic that a crash or a recovery left; one that has what no commit can hold stays."""
    workspace = running.workspace
    await _put_away(workspace, running.facts.id)


async def tidy_host(installation: Installation) -> tuple[str, ...]:
    """Put away what epics that have ended left on this host, and return their ids.

    An epic that another host brought to its end leaves its work trees where it was before. Those of an epic that goes on stay: this host
    may take it back. Those of an epic that this database does not know belong to a Genie with another one (durability rule 22).

    Raises:
        StoreUnavailable: if the database does not answer.
    """
    home = worktrees_folder(installation.home)
    ids = sorted(path.name for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    ended = await fetch_all(installation.database.pool, "ended_epics", {"ids": ids}) if ids else []
    return tuple([row["id"] for row in ended if await tidy_epic(installation, row["id"], row["repo"])])


async def tidy_epic(installation: Installation, epic_id: str, repo: str) -> bool:
    """Put away what an epic that has ended left on this host, and say whether that could be done."""
    if not worktrees_folder(installation.home, epic_id).is_dir() or not mirror_path(installation.home, repo).is_dir():
        return False
    try:
        await _put_away(await open_workspace(installation.home, repo, installation.git_environment), epic_id)
    except GenieError as error:
        # What cannot be read stays where it is, and hinders nobody.
        structlog.get_logger().warning("work trees of an epic that has ended stay", epic=epic_id, why=str(error))
        return False
    return True


async def run_tidying(installation: Installation, stop: asyncio.Event) -> None:
    """Tidy this host now and then, until `stop` is set."""
    while not stop.is_set():
        try:
            await tidy_host(installation)
            await sweep_folders(installation)
        except (StoreUnavailable, OSError) as error:
            structlog.get_logger().warning("this host is not tidied now", why=str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_S):
                await stop.wait()


async def _put_away(workspace: Workspace, epic_id: str) -> None:
    mirror, folder = workspace.mirror, worktrees_folder(workspace.home, epic_id)
    if not folder.is_dir():
        return
    signature = Signature(name="Genie", email="genie@localhost", at=datetime.now(UTC))
    for path in sorted(folder.iterdir()):
        worktree = find_worktree(mirror, path)
        if worktree is None:
            continue
        # By the list in the tree itself: nothing is fetched by it, and what was filled by another list stays.
        await empty_submodules(worktree, await worktree.head(), workspace.home)
        left = await snapshot(worktree, signature=signature, message=f"{epic_id}: left in {path.name}\n")
        await protect(mirror, left.commit)
        try:
            await remove_worktree(worktree, left.commit)
        except Conflict:
            # A repository of its own inside, or a file too large: a person finds it where it is.
            continue
    if not any(folder.iterdir()):
        folder.rmdir()
