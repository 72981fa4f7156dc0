"""The executor `claude_docker`: the Claude Code CLI in a container that is closed in."""

from __future__ import annotations

from typing import Final

from executors.claude.executor import ClaudeExecutor
from executors.containers.launcher import DockerLauncher
from executors.provider_keys import ProviderKeys
from executors.terms import Terms
from executors.throttle import Throttle

NAME: Final = "claude_docker"


def claude_docker(
    keys: ProviderKeys, launcher: DockerLauncher, *, terms: Terms | None = None, throttle: Throttle | None = None
) -> ClaudeExecutor:
    """Return the executor.

    Args:
        keys: of the providers; no container has them.
        launcher: where containers are started.
        terms: what calls are made under.
        throttle: where all workers take turns.
    """
    return ClaudeExecutor(NAME, launcher, keys=keys, terms=terms, throttle=throttle)
