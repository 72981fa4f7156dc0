"""The environment of the CLI: that of the agent's commands, and what the CLI itself needs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from executors.claude.arguments import model_name
from executors.port import Order

_ALONE: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    # The tree is snapshotted between two turns: nothing may write to it then.
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}

_PATIENCE: Final = {
    # The gateway tries again by itself; what it hands on has failed, but for a stream that broke off.
    "CLAUDE_CODE_MAX_RETRIES": "3",
    # The gateway may wait long for its turn with the provider, and sends nothing while it does.
    "API_TIMEOUT_MS": "3600000",
}

_SMALL: Final = ("ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL")
_LARGE: Final = ("ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL")


def environment_of(order: Order, *, base_url: str, token: str, config: str) -> dict[str, str]:
    """Return the whole environment of the CLI.

    Args:
        order: what is asked; its environment is an allow-list without secrets already.
        base_url: where the gateway is.
        token: the attempt's token for the gateway; the key of the provider is not in here.
        config: the folder of its settings, which is its home too.
    """
    return {
        **_without_claude(order.environment),
        **_ALONE,
        **_PATIENCE,
        **_models(order),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": token,
        "CLAUDE_CONFIG_DIR": config,
        "HOME": config,
        **_around_proxies(order.environment),
    }


def _models(order: Order) -> Mapping[str, str]:
    """The models that the CLI asks for by itself are those of the order: the gateway refuses any other."""
    main = order.models[0]
    small, large = (model_name(order.workflow.aliases.get(alias, main)) for alias in ("fast", "strong"))
    return {**dict.fromkeys(_SMALL, small), **dict.fromkeys(_LARGE, large)}


def _around_proxies(environment: Mapping[str, str]) -> Mapping[str, str]:
    """A proxy of the surroundings must not come between the CLI and the gateway."""
    before = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    names = ",".join(filter(None, (before, "127.0.0.1", "localhost")))
    return {"NO_PROXY": names, "no_proxy": names}


def _without_claude(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.upper().startswith(("ANTHROPIC_", "CLAUDE"))}
