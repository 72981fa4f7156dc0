"""The MCP servers of an attempt: begun when it is opened, beside the making of its work tree, and ended with it whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.workflow import Workflow
from db.connection import Pool
from db.leases import Lease
from engine.mcp.pins import AttemptPins
from engine.mcp.secrets import mcp_secrets, withheld_from
from engine.running import Running
from executors.mcp.marks import mark_of
from executors.mcp.opening import Servers
from executors.mcp.settings import Knowledge, secrets_named
from executors.port import Executor, UsesServers


@dataclass(frozen=True, kw_only=True)
class ServerGround:
    """What the servers of an attempt stand on."""

    pool: Pool
    lease: Lease
    project: str
    """Whose pins hold."""
    database: str
    """The id of the database, by which what is left of servers is known."""
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    """What references may name beside it."""
    allowances: tuple[tuple[str, str], ...] = ()
    """Which stored secrets the project's own workflows may refer to."""


class AttemptServers:
    """Begins the servers of one attempt, and ends them when the block is left."""

    def __init__(self, ground: ServerGround) -> None:
        """Keep what they stand on; nothing is begun."""
        self._ground = ground
        self.begun: Servers | None = None

    async def __aenter__(self) -> Self:
        """Begin with none."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End them."""
        if self.begun is not None:
            await self.begun.close()

    async def begin(self, workflow: Workflow, executor: Executor) -> None:
        """Start what the workflow names, if its agent is one that calls servers.

        Raises:
            StoreUnavailable: if the database does not answer.
        """
        if not workflow.mcp_servers or not isinstance(executor, UsesServers) or self.begun is not None:
            return
        ground = self._ground
        named = secrets_named(workflow.mcp_servers.values())
        withheld = withheld_from(ground.project, named, ground.allowances) if workflow.is_of_repository else frozenset[str]()
        secrets = await mcp_secrets(ground.pool, set(named) - withheld)
        self.begun = Servers(
            workflow.mcp_servers,
            Knowledge(variables={**ground.environment, **ground.variables}, secrets=secrets, withheld=withheld),
            pins=AttemptPins(ground.pool, ground.lease, ground.project),
            environment=ground.environment,
            mark=mark_of(ground.database),
            elsewhere=frozenset(name for name, entry in workflow.mcp_servers.items() if not executor.reaches_server(entry)),
        )
        self.begun.begin()

    def tree_is_there(self, tree: Path) -> None:
        """Let those begin that need the work tree, beside whatever else is done to it."""
        if self.begun is not None:
            self.begun.tree_is_there(tree)


def ground_of(running: Running) -> ServerGround:
    """What the servers of an epic's or a workflow's attempts stand on."""
    return ServerGround(
        pool=running.database.pool,
        lease=running.lease,
        project=running.facts.repo,
        database=running.database_id,
        environment=running.environment,
        variables=running.mcp_variables,
        allowances=running.mcp_allowances,
    )
