"""One answer of a model, of a type, for what is no attempt of anybody: nothing is journaled, and whoever asks can do without."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final, TypeVar

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from epics.errors import ModelUnavailable
from executors.provider_trouble import judge
from executors.providers import ModelSource
from executors.throttle import Throttle, Unthrottled, provider_of

OutputT = TypeVar("OutputT", bound=BaseModel)

_MAX_TOKENS: Final = 2_000
_MOST_CALLS: Final = 2
"""The second where the first answer has not the type."""


class OneAnswer:
    """Asks one model."""

    def __init__(self, source: ModelSource, model: str, *, throttle: Throttle | None = None) -> None:
        """Bind to the model.

        Args:
            source: where models come from.
            model: its name.
            throttle: where all workers take turns at a provider.

        Raises:
            InvalidInput: if the model cannot be used.
        """
        source.check(model)
        self._source = source
        self._model = model
        self._throttle = throttle or Unthrottled()

    async def ask(self, instructions: str, text: str, output: type[OutputT]) -> OutputT:
        """Ask once, and once more if the answer has not the type.

        Raises:
            ModelUnavailable: if there is no answer of the type.
            StoreUnavailable: if the workers' common record could not be reached.
        """
        await self._throttle.turn(provider_of(self._model), _unheard)
        async with AsyncExitStack() as stack:
            agent = Agent(
                self._source.open(self._model, stack),
                output_type=output,
                instructions=instructions,
                model_settings=ModelSettings(max_tokens=_MAX_TOKENS),
                retries=1,
            )
            try:
                return (await agent.run(text, usage_limits=UsageLimits(request_limit=_MOST_CALLS))).output
            except AgentRunError as error:
                raise ModelUnavailable(judge(error, self._model, self._source.setting_of(self._model)).said) from error


async def _unheard(seconds: float) -> None:
    """Nobody watches."""
    del seconds
