"""The MCP servers of an attempt: begun when it is opened, beside the making of its work tree, and ended with it whatever happens."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from agents.workflow import Workflow
from engine.mcp.pins import AttemptPins
from engine.mcp.secrets import mcp_secrets
from engine.running import Running
from executors.mcp.marks import mark_of
from executors.mcp.opening import Servers
from executors.mcp.settings import Knowledge, secrets_named
from executors.port import Executor, UsesServers


class AttemptServers:
    """Begins the servers of one attempt, and ends them when the block is left."""

    def __init__(self, running: Running) -> None:
        """Bind to a run; nothing is begun."""
        self._running = running
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
        running = self._running
        pool = running.database.pool
        secrets = await mcp_secrets(pool, secrets_named(workflow.mcp_servers.values()))
        self.begun = Servers(
            workflow.mcp_servers,
            Knowledge(variables={**running.environment, **running.mcp_variables}, secrets=secrets),
            pins=AttemptPins(pool, running.lease, running.facts.repo),
            environment=running.environment,
            mark=mark_of(running.database_id),
            elsewhere=frozenset(name for name, entry in workflow.mcp_servers.items() if not executor.reaches_server(entry)),
        )
        self.begun.begin()

    def tree_is_there(self, tree: Path) -> None:
        """Let those begin that need the work tree, beside whatever else is done to it."""
        if self.begun is not None:
            self.begun.tree_is_there(tree)
