"""What this database names of git, and what it stores that no epic holds."""

from __future__ import annotations

from dataclasses import dataclass

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from db.packs import Collected


@dataclass(frozen=True, kw_only=True)
class EpicAtHome:
    """An epic, and whether it is at rest: ended, held by nobody, and nothing asked of it."""

    id: str
    repo: str
    at_rest: bool


async def epics_of_home(pool: Pool) -> tuple[EpicAtHome, ...]:
    """Every epic of this database."""
    return tuple(EpicAtHome(**row) for row in await fetch_all(pool, "epics_of_home", {}))


async def commits_of_repo(pool: Pool, repo: str) -> frozenset[str]:
    """Every commit that anything here names of the epics on a repository."""
    return frozenset(row["commit"] for row in await fetch_all(pool, "commits_of_repo", {"repo": repo}))


async def branches_of_repo(pool: Pool, repo: str) -> frozenset[str]:
    """Every branch that anything here names of the epics on a repository."""
    return frozenset(row["branch"] for row in await fetch_all(pool, "branches_of_repo", {"repo": repo}))


async def unheld_packs(pool: Pool) -> Collected:
    """What `collect_packs` would remove."""
    row = await fetch_one(pool, "unheld_packs", {}) or {"packs": 0, "bytes": 0}
    return Collected(packs=row["packs"], bytes=row["bytes"])
