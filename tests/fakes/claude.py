"""The real Claude Code CLI, for tests: found, or skipped loudly where it is not installed."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest
from pydantic import SecretStr

from epics.errors import Environment
from executors.claude.executor import ClaudeExecutor
from executors.claude.finding import find_cli
from executors.claude.port import Launcher
from executors.claude_local import claude_local
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.terms import Terms
from safety.prices import Price

MODEL = "anthropic:claude-sonnet-4-5"

KEY = "sk-the-real-key"
"""What no agent may ever see."""

NO_SKIP = "GENIE_TEST_NO_SKIP"


def need_cli() -> None:
    """Skip the test where there is no CLI; in CI that is a failure."""
    try:
        find_cli()
    except Environment as exc:
        if os.environ.get(NO_SKIP):
            raise
        pytest.skip(str(exc))


def local_executor(url: str, *, floor_tokens: int = 300, model: str = MODEL) -> ClaudeExecutor:
    """Return the executor, whose provider is at `url` and sells at the prices of the scripts."""
    return claude_local(_keys(url), terms=_terms(model, floor_tokens))


def docker_executor(url: str, launcher: Launcher, *, floor_tokens: int = 300, model: str = MODEL) -> ClaudeExecutor:
    """Return the executor whose CLIs are in containers, on the same terms."""
    return ClaudeExecutor("claude_docker", launcher, keys=_keys(url), terms=_terms(model, floor_tokens))


def _keys(url: str) -> ProviderKeys:
    return ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr(KEY), base_url=url)})


def _terms(model: str, floor_tokens: int) -> Terms:
    return Terms(prices={model: Price.per_million(Decimal(3), Decimal(15))}, floor_tokens=floor_tokens)
