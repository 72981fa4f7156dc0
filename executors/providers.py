"""From the name of a model to the model: which providers there are, what they need, and their clients.

The clients of providers take seconds to import, so each is imported when its first model is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

from pydantic_ai.models import Model

from epics.errors import InvalidInput
from executors.provider_keys import ProviderKey, ProviderKeys

REQUEST_SECONDS = 600.0
"""How long one call may take at the provider, thinking included."""


class ModelSource(Protocol):
    """Where models come from."""

    def check(self, name: str) -> None:
        """Refuse a name that cannot be opened.

        Raises:
            InvalidInput: naming the model and what would do.
        """
        ...

    def open(self, name: str, until: AsyncExitStack) -> Model:
        """Return the model of that name, a new one for each run; its connections are closed with `until`."""
        ...

    def setting_of(self, name: str) -> str:
        """Return the name of the setting that holds the key of this model's provider."""
        ...


def _anthropic(name: str, key: ProviderKey, until: AsyncExitStack) -> Model:
    from anthropic import AsyncAnthropic  # noqa: PLC0415
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

    client = AsyncAnthropic(api_key=_value(key), base_url=key.base_url, max_retries=0, timeout=REQUEST_SECONDS)
    until.push_async_callback(client.close)
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))


def _openai(name: str, key: ProviderKey, until: AsyncExitStack) -> Model:
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIResponsesModel  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    client = AsyncOpenAI(api_key=_value(key), base_url=key.base_url, max_retries=0, timeout=REQUEST_SECONDS)
    until.push_async_callback(client.close)
    return OpenAIResponsesModel(name, provider=OpenAIProvider(openai_client=client))


def _openai_chat(name: str, key: ProviderKey, until: AsyncExitStack) -> Model:
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    client = AsyncOpenAI(api_key=_value(key), base_url=key.base_url, max_retries=0, timeout=REQUEST_SECONDS)
    until.push_async_callback(client.close)
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


_OPENERS: Mapping[str, tuple[str, str, Callable[[str, ProviderKey, AsyncExitStack], Model]]] = {
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY", _anthropic),
    "openai": ("openai", "OPENAI_API_KEY", _openai),
    "openai-responses": ("openai", "OPENAI_API_KEY", _openai),
    "openai-chat": ("openai", "OPENAI_API_KEY", _openai_chat),
}
"""Name before the colon → whose key, the setting that holds it, how a model is made."""


class Providers:
    """The models of the providers that Genie can reach with the keys it was given."""

    def __init__(self, keys: ProviderKeys) -> None:
        self._keys = keys

    def check(self, name: str) -> None:
        """Refuse a name of another shape, an unknown provider, or one whose key is missing.

        Raises:
            InvalidInput: naming the model and what would do.
        """
        prefix, colon, model = name.partition(":")
        known = ", ".join(sorted(_OPENERS))
        if not colon or not model.strip() or not prefix:
            raise InvalidInput(f"the model {name!r} has no provider: name it as provider:model, such as anthropic:claude-sonnet-5-5")
        if prefix not in _OPENERS:
            raise InvalidInput(f"the model {name!r} is of the unknown provider {prefix!r}: known are {known}")
        owner, setting, _ = _OPENERS[prefix]
        if self._keys.of(owner).key is None:
            raise InvalidInput(f"the model {name!r} needs a key: set {setting}, or choose another model")

    def open(self, name: str, until: AsyncExitStack) -> Model:
        """Return the model of that name, whose client does not retry by itself and is closed with `until`.

        Raises:
            InvalidInput: as `check`.
        """
        self.check(name)
        prefix, _, model = name.partition(":")
        owner, _, opener = _OPENERS[prefix]
        return opener(model, self._keys.of(owner), until)

    def setting_of(self, name: str) -> str:
        """Return the name of the setting that holds the key of this model's provider."""
        prefix = name.partition(":")[0]
        return _OPENERS[prefix][1] if prefix in _OPENERS else "the provider's key"


def _value(key: ProviderKey) -> str:
    return key.key.get_secret_value() if key.key is not None else ""
