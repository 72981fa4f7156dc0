"""What a run of one epic stands on, tied together once: database, lease, repository, agents, executors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from agents.registry import Registry
from agents.workflow import Network
from db.connection import Database
from db.leases import Lease
from engine.storing_packs import Keeper
from epics.policy import RepositoryPolicy
from executors.port import Executor
from nodes.context import EpicFacts
from timemachine.workspace import Workspace
from timemachine.worktrees import Worktree
from tools.context import ToolContext

Reach = Callable[[int, Worktree, Network], ToolContext]
"""What the tools of an attempt may reach beside its files, given its number, its work tree and its workflow's network."""


def _nothing(attempt: int, worktree: Worktree, network: Network) -> ToolContext:
    del attempt, worktree, network
    return ToolContext()


@dataclass(frozen=True, kw_only=True)
class Running:
    """One epic under one lease, with all that its attempts need."""

    database: Database
    database_id: str
    lease: Lease
    facts: EpicFacts
    policy: RepositoryPolicy
    workspace: Workspace
    keeper: Keeper
    registry: Registry
    executors: Mapping[str, Executor]
    executor: str | None
    """What a flag or the environment chose, before any workflow's own choice."""
    models: tuple[str, ...]
    environment: Mapping[str, str]
    """The environment of the commands that agents and tests run."""
    mcp_variables: Mapping[str, str] = field(default_factory=dict)
    """What references in `.mcp.json` may name beside that environment."""
    mcp_allowances: tuple[tuple[str, str], ...] = ()
    """Which stored secrets the workflows of which repositories may refer to, as patterns."""
    secrets: Collection[str] = ()
    """Values that no log may have."""
    ports: range = range(20_000, 30_000)
    """What attempts may lease."""
    retries: int = 0
    """How often in a row the epic may be put off because no model answers."""
    rests_before: str | None = None
    """The step that the epic does not begin by itself, because of a race."""
    reach: Reach = _nothing
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process is to end: no attempt is begun any more."""
