"""The connection to the provider of the models, with the real key."""

from __future__ import annotations

from executors.provider_keys import ProviderKeys


class Upstream:
    """Calls the Messages API of the provider; one for all attempts of an executor, so that connections are used again."""

    def __init__(self, keys: ProviderKeys) -> None:
        """Keep the key and the address; nothing is opened before the first call."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close what is open."""
        raise NotImplementedError
