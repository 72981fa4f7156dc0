"""The executor `claude_docker`: the Claude Code CLI in a container that is closed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from executors.claude.executor import ClaudeExecutor
from executors.containers.launcher import DockerLauncher
from executors.port import Errand, Notes, Owner
from executors.provider_keys import ProviderKeys
from executors.terms import Terms
from executors.throttle import Throttle
from tools.processes import ProcessResult

NAME: Final = "claude_docker"


class ClaudeDockerExecutor(ClaudeExecutor):
    """Runs workflows with the CLI in containers, and the commands of their attempts too."""

    def __init__(
        self, launcher: DockerLauncher, *, keys: ProviderKeys, terms: Terms | None = None, throttle: Throttle | None = None
    ) -> None:
        """Bind to what is the same for all runs."""
        super().__init__(NAME, launcher, keys=keys, terms=terms, throttle=throttle)
        self._containers = launcher

    def reaches_server(self, entry: Mapping[str, Any]) -> bool:
        """Those at a URL: a program that is started in the agent's container is not run on this host."""
        return "url" in entry

    async def run_command(self, errand: Errand, notes: Notes) -> ProcessResult:
        """Run a command of an attempt in a container.

        Raises:
            Environment: if it cannot be run, or something beside the command ended it.
        """
        return await self._containers.run_command(errand, notes)

    async def end_command(self, epic: str, attempt: int, owner: Owner) -> None:
        """End the command of an attempt that outlived its worker."""
        await self._containers.end_command(epic, attempt, owner)


def claude_docker(
    keys: ProviderKeys, launcher: DockerLauncher, *, terms: Terms | None = None, throttle: Throttle | None = None
) -> ClaudeDockerExecutor:
    """Return the executor.

    Args:
        keys: of the providers; no container has them.
        launcher: where containers are started.
        terms: what calls are made under.
        throttle: where all workers take turns.
    """
    return ClaudeDockerExecutor(launcher, keys=keys, terms=terms, throttle=throttle)
