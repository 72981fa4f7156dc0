"""The port behind which all workers take turns at a provider that only lets so many calls through."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from executors.port import Journal
from executors.provider_keys import ProviderKeys

Told = Callable[[float], Awaitable[None]]
"""Told before a wait how many seconds it is."""

LONG_S = 1.0
"""People are told of waits longer than this."""


class Throttle(Protocol):
    """Lets calls through, for each provider's key as its provider does."""

    async def turn(self, provider: str, told: Told) -> None:
        """Wait until a call may be made with the provider's key.

        Args:
            provider: the name of the provider, as `provider_of` has it.
            told: is told of each wait before it.

        Raises:
            StoreUnavailable: if the workers' common record could not be reached.
        """
        ...

    async def told_to_wait(self, provider: str, seconds: float) -> None:
        """Note that the provider asked for no call within so many seconds: every worker waits."""
        ...


class Unthrottled:
    """Lets every call through: for one worker alone, and for tests."""

    async def turn(self, provider: str, told: Told) -> None:
        """Return at once."""

    async def told_to_wait(self, provider: str, seconds: float) -> None:
        """Forget it: whoever was told waits by itself."""


async def take_turn(throttle: Throttle, model: str, journal: Journal) -> None:
    """Wait for the turn of a call of `model`; people who watch are told of a long wait.

    Raises:
        StoreUnavailable: if the workers' common record could not be reached.
    """
    provider = provider_of(model)

    async def told(seconds: float) -> None:
        if seconds > LONG_S:
            await journal.noted("provider_waits", {"provider": provider, "seconds": round(seconds, 1)})

    await throttle.turn(provider, told)


def provider_of(model: str) -> str:
    """Return whose key a model is asked with: `openai` for `openai-chat:…`."""
    return model.partition(":")[0].partition("-")[0]


def fingerprints(keys: ProviderKeys) -> Mapping[str, str]:
    """Return what stands for each provider's key where workers meet; nobody can get a key back from it."""
    return {
        provider: hashlib.sha256(f"{provider}\0{known.base_url or ''}\0{known.key.get_secret_value()}".encode()).hexdigest()[:16]
        for provider, known in keys.providers.items()
        if known.key is not None
    }
