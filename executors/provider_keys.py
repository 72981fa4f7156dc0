"""The keys and addresses of model providers, handed down from the settings; nothing here reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class ProviderKey:
    """What it takes to reach one provider."""

    key: SecretStr | None = None
    base_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProviderKeys:
    """Every provider that the settings know, by its name before the colon of a model."""

    providers: Mapping[str, ProviderKey] = field(default_factory=dict)

    def of(self, provider: str) -> ProviderKey:
        """Return the key and address of a provider, empty where the settings have none."""
        return self.providers.get(provider, ProviderKey())

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must never be shown."""
        return tuple(known.key.get_secret_value() for known in self.providers.values() if known.key is not None)
