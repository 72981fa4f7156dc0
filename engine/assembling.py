"""Tying together what the run of one epic needs, from its row and from its repository."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from agents.catalog import Catalog
from agents.registry import REPOSITORY, Registry
from config.approval_settings import ServerApprovals
from config.repository import FILE, repository_policy
from db.breakers import Breaking
from db.connection import Database
from db.epics import Row
from db.identity import database_id
from db.leases import Lease
from db.sealer import Sealer
from engine.access.trusted import Trusted
from engine.master_key import MasterKeys
from engine.retention import RetentionPolicy
from engine.router import Router
from engine.running import Running
from engine.storing_packs import open_keeper
from epics.errors import RepositoryUnusable
from epics.policy import RepositoryPolicy
from epics.upgrades import THIS_RELEASE, Release
from executors.port import Executor
from memory.nothing import NothingKnown
from memory.port import KnowledgeStore
from nodes.context import EpicFacts
from timemachine.diffs import list_tree, read_file_at
from timemachine.mirrors import Mirror
from timemachine.workspace import open_workspace


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """How epics are given to workers."""

    concurrency: int = 4
    """Epics that one worker runs at once."""
    most_running: int = 200
    """Epics that all workers on the database run at once."""
    min_free_mb: int = 256
    """Free memory, in MiB, below which a worker begins no epic."""
    max_takeovers: int = 3
    """Workers that may die in a row over an epic that does not move, before it is parked."""
    drain_seconds: float = 30.0
    """How long a step may still run in a process that is to end."""
    retries: int = 6
    """How often in a row an epic is put off because of what waiting can cure, before a person is asked."""
    retry_seconds: float = 15.0
    """How long it is put off at first; each time twice as long as before."""
    breaking: Breaking = field(default_factory=Breaking)
    """When an agent that keeps failing is left out."""


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
    docker_host: str | None = None
    """Where the daemon listens under which agents' containers run; None for docker's own default."""
    mcp_variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What references in `.mcp.json` may name beside the environment of commands."""
    mcp_allowances: tuple[tuple[str, str], ...] = ()
    """Which stored secrets the workflows of which repositories may refer to, as patterns."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that no log may have."""
    ports: range = range(20_000, 30_000)
    """What attempts may lease on this host."""
    dispatch: Dispatch = field(default_factory=Dispatch)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process is to end: no step is begun any more."""
    server_approvals: ServerApprovals = field(default_factory=ServerApprovals)
    """Who approves what, whatever a repository says; the stricter counts."""
    release: Release = THIS_RELEASE
    """Which epics can be carried on."""
    retention: RetentionPolicy | None = None
    """What workers prune by themselves; None for nothing."""
    trusted: Trusted = field(default_factory=Trusted)
    """What keys and tokens are held against."""
    masters: MasterKeys = field(default_factory=MasterKeys)
    """Where the master keys are that all secrets in the database depend on."""
    knowledge: KnowledgeStore = field(default_factory=NothingKnown)
    """Where what past work taught is kept."""
    memory_tokens: int | None = None
    """How much of it a brief tells at most; None for what the repository says."""
    memory_timeout_s: float = 2.0
    """How long a step waits for it; then it goes on without."""
    search_url: str = ""
    """Where agents' searches of the web are sent; empty for nowhere."""
    search_key: SecretStr | None = None
    session_tokens: int = 32_000
    """What of a conversation an agent is told again."""
    router: Router | None = None
    """What splits requests where rules are not to; None for the rules."""

    @property
    def keyring(self) -> Sealer:
        """Seals what is secret on its way into the database, and opens it."""
        return self.database.pool.sealer


async def policy_at(mirror: Mirror, commit: str) -> RepositoryPolicy:
    """What `genie.toml` says at a commit of the base branch.

    Raises:
        InvalidSettings: if it does not fit, with the line.
    """
    content = await read_file_at(mirror, commit, FILE)
    return repository_policy(None if content is None else content.decode("utf-8", "replace"))


async def registry_at(mirror: Mirror, commit: str, agents_dir: Path | None) -> Registry:
    """Genie's workflows, and those of the repository at a commit of its base branch, and those of this installation."""
    return Registry.discover(agents_dir=agents_dir, base_branch=await _texts_at(mirror, commit))


async def catalog_at(mirror: Mirror, commit: str, agents_dir: Path | None) -> Catalog:
    """The same with the agents written in Python, of which no repository has any."""
    texts = await _texts_at(mirror, commit)
    return await asyncio.to_thread(Catalog.discover, agents_dir=agents_dir, base_branch=texts)


async def _texts_at(mirror: Mirror, commit: str) -> dict[str, str]:
    entries = await list_tree(mirror, commit, (str(REPOSITORY),))
    files = {entry.path: await read_file_at(mirror, commit, entry.path) for entry in entries}
    return {path: content.decode("utf-8", "replace") for path, content in files.items() if content is not None}


_KEPT: Final = 64
_read: Final[OrderedDict[tuple[str, str], tuple[RepositoryPolicy, Registry]]] = OrderedDict()
"""What commits of base branches say, by mirror and commit: a commit never changes."""


async def _policy_and_registry(mirror: Mirror, commit: str, agents_dir: Path | None) -> tuple[RepositoryPolicy, Registry]:
    key = (str(mirror.path), commit)
    if agents_dir is None and key in _read:
        _read.move_to_end(key)
        return _read[key]
    found = await policy_at(mirror, commit), await registry_at(mirror, commit, agents_dir)
    # A folder of the installation's own may change at any time, and is read each time.
    if agents_dir is None:
        _read[key] = found
        while len(_read) > _KEPT:
            _read.popitem(last=False)
    return found


async def assemble(installation: Installation, lease: Lease, row: Row) -> Running:
    """All that the run of one epic needs.

    Raises:
        RepositoryUnusable: if its repository cannot be read any more.
        InvalidInput: if its `genie.toml` or the installation's workflows cannot be used.
    """
    workspace = await open_workspace(installation.home, row["repo"], installation.git_environment)
    newest = await newest_base(workspace.mirror, row)
    keeper = await open_keeper(installation.database.pool, lease, workspace.mirror, row, newest)
    policy, registry = await _policy_and_registry(workspace.mirror, newest, installation.agents_dir)
    facts = EpicFacts(
        id=row["id"], goal=row["goal"], repo=row["repo"], base=row["base"], base_commit=row["base_commit"], autonomy=row["autonomy"]
    )
    return Running(
        database=installation.database,
        database_id=await database_id(installation.database.pool),
        lease=lease,
        facts=facts,
        policy=policy,
        workspace=workspace,
        keeper=keeper,
        registry=registry,
        executors=installation.executors,
        executor=row["executor"],
        models=tuple(name for name in (row["model"] or "").split(",") if name),
        environment=installation.environment,
        mcp_variables=installation.mcp_variables,
        mcp_allowances=installation.mcp_allowances,
        secrets=installation.secrets,
        ports=installation.ports,
        retries=installation.dispatch.retries,
        rests_before=row["rests_before"],
        draining=installation.draining,
    )


async def newest_base(mirror: Mirror, row: Row) -> str:
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
