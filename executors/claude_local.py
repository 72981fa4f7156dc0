"""The executor `claude_local`: the Claude Code CLI as a process of this host."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from executors.claude.executor import ClaudeExecutor
from executors.claude.local import LocalLauncher
from executors.provider_keys import ProviderKeys
from executors.terms import Terms
from executors.throttle import Throttle

NAME: Final = "claude_local"


def claude_local(
    keys: ProviderKeys, *, cli: Path | None = None, terms: Terms | None = None, throttle: Throttle | None = None
) -> ClaudeExecutor:
    """Return the executor.

    Args:
        keys: of the providers.
        cli: the file of the CLI, where the settings name one.
        terms: what calls are made under.
        throttle: where all workers take turns.
    """
    return ClaudeExecutor(NAME, LocalLauncher(cli), keys=keys, terms=terms, throttle=throttle)
