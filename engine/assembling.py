"""Tying together what the run of one epic needs, from its row and from its repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.registry import REPOSITORY, Registry
from config.repository import FILE, repository_policy
from db.connection import Database
from db.epics import Row
from db.leases import Lease
from engine.keeping import open_keeper
from engine.running import Running
from epics.errors import Conflict, RepositoryUnusable
from epics.policy import RepositoryPolicy
from epics.state import GRAPH_VERSION
from executors.port import Executor
from nodes.context import EpicFacts
from timemachine.diffs import list_tree, read_file_at
from timemachine.mirrors import Mirror
from timemachine.workspace import open_workspace


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is the same for every epic of this process."""

    home: Path
    database: Database
    executors: Mapping[str, Executor]
    agents_dir: Path | None
    environment: Mapping[str, str]
    """For the commands of agents and tests."""
    git_environment: Mapping[str, str]
    lease_seconds: float
    webhook_allow_private: bool = False
    webhook_keep_days: int = 14


async def policy_at(mirror: Mirror, commit: str) -> RepositoryPolicy:
    """What `genie.toml` says at a commit of the base branch.

    Raises:
        InvalidSettings: if it does not fit, with the line.
    """
    content = await read_file_at(mirror, commit, FILE)
    return repository_policy(None if content is None else content.decode("utf-8", "replace"))


async def registry_at(mirror: Mirror, commit: str, agents_dir: Path | None) -> Registry:
    """Genie's workflows, and those of the repository at a commit of its base branch, and those of this installation."""
    folder = str(REPOSITORY)
    entries = await list_tree(mirror, commit, (folder,))
    files = {entry.path: await read_file_at(mirror, commit, entry.path) for entry in entries}
    texts = {path: content.decode("utf-8", "replace") for path, content in files.items() if content is not None}
    return Registry.discover(agents_dir=agents_dir, base_branch=texts)


async def assemble(installation: Installation, lease: Lease, row: Row) -> Running:
    """All that the run of one epic needs.

    Raises:
        Conflict: if a newer Genie began the epic.
        RepositoryUnusable: if its repository cannot be read any more.
        InvalidInput: if its `genie.toml` or the installation's workflows cannot be used.
    """
    if row["graph_version"] > GRAPH_VERSION:
        message = f"epic {row['id']} was begun by a newer Genie (graph {row['graph_version']}, this one has {GRAPH_VERSION}); update Genie"
        raise Conflict(message)
    workspace = await open_workspace(installation.home, row["repo"], installation.git_environment)
    newest = await _newest_base(workspace.mirror, row)
    keeper = await open_keeper(installation.database.pool, lease, workspace.mirror, row, newest)
    policy = await policy_at(workspace.mirror, newest)
    facts = EpicFacts(
        id=row["id"], goal=row["goal"], repo=row["repo"], base=row["base"], base_commit=row["base_commit"], autonomy=row["autonomy"]
    )
    return Running(
        database=installation.database,
        lease=lease,
        facts=facts,
        policy=policy,
        workspace=workspace,
        keeper=keeper,
        registry=await registry_at(workspace.mirror, newest, installation.agents_dir),
        executors=installation.executors,
        executor=row["executor"],
        models=tuple(name for name in (row["model"] or "").split(",") if name),
        environment=installation.environment,
    )


async def _newest_base(mirror: Mirror, row: Row) -> str:
    """The base branch as it is today: what a person mended there holds from the next run on, and a branch that is gone is found early.

    A host that cannot be reached right now stops nothing that needs it only at the end.
    """
    try:
        return await mirror.fetch_base(row["base"])
    except RepositoryUnusable:
        cached = await mirror.cached_base(row["base"])
        if mirror.is_path or cached is None:
            raise
        return cached
