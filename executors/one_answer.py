"""One answer of a model, of a type, for what is no attempt of anybody: nothing is journaled, and whoever asks can do without."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Final, TypeVar

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from executors.answered import Answered
from executors.conversation import usage_in
from executors.provider_trouble import judge
from executors.providers import ModelSource
from executors.terms import Terms
from executors.throttle import Throttle, Unthrottled, provider_of
from safety.budget import bound_of, most_input_tokens

OutputT = TypeVar("OutputT", bound=BaseModel)

SECONDS: Final = 30.0

_MAX_TOKENS: Final = 2_000
_MOST_CALLS: Final = 2
"""The second where the first answer has not the type."""


class OneAnswer:
    """Asks one model."""

    def __init__(self, source: ModelSource, model: str, *, throttle: Throttle | None = None, seconds: float = SECONDS) -> None:
        """Bind to the model.

        Args:
            source: where models come from.
            model: its name.
            throttle: where all workers take turns at a provider.
            seconds: how long an answer may take, all in all.

        Raises:
            InvalidInput: if the model cannot be used.
        """
        source.check(model)
        self._source = source
        self._model = model
        self._throttle = throttle or Unthrottled()
        self._seconds = seconds

    async def ask(self, instructions: str, text: str, output: type[OutputT], *, most_usd: Decimal | None) -> Answered[OutputT]:
        """Ask once, and once more if the answer has not the type; not at all if that could cost more than `most_usd`.

        Raises:
            StoreUnavailable: if the workers' common record could not be reached.
        """
        call = self._most_of_a_call(instructions, text, output)
        if most_usd is not None and call * _MOST_CALLS > most_usd:
            return Answered(problem=f"asking {self._model} could cost ${call * _MOST_CALLS:.2f}, and the limit is ${most_usd}")
        paid = RunUsage()
        clock = asyncio.timeout(self._seconds)
        try:
            async with clock:
                await self._throttle.turn(provider_of(self._model), _unheard)
                said = await self._asked(instructions, text, output, paid)
        except AgentRunError as error:
            trouble = judge(error, self._model, self._source.setting_of(self._model))
            # What came back was counted; of what did not, nobody knows.
            unknown = call if trouble.charged and not isinstance(error, UnexpectedModelBehavior | UsageLimitExceeded) else 0
            return Answered(problem=trouble.said, cost_usd=self._cost_of(paid) + unknown)
        except TimeoutError:
            if not clock.expired():
                raise
            return Answered(problem=f"it took longer than {self._seconds:g} s", cost_usd=self._cost_of(paid) + call)
        return Answered(output=said, cost_usd=self._cost_of(paid))

    async def _asked(self, instructions: str, text: str, output: type[OutputT], paid: RunUsage) -> OutputT:
        async with AsyncExitStack() as stack:
            agent = Agent(
                self._source.open(self._model, stack),
                output_type=output,
                instructions=instructions,
                model_settings=ModelSettings(max_tokens=_MAX_TOKENS),
                retries=1,
            )
            return (await agent.run(text, usage=paid, usage_limits=UsageLimits(request_limit=_MOST_CALLS))).output

    def _most_of_a_call(self, instructions: str, text: str, output: type[OutputT]) -> Decimal:
        """The most that the second call can cost, which has the answer of the first and what is wrong with it before it."""
        said = sum(len(each.encode(errors="surrogatepass")) for each in (instructions, text, json.dumps(output.model_json_schema())))
        bound = bound_of(self._model, most_input_tokens(said) + 2 * _MAX_TOKENS)
        return bound.input_usd + bound.output_usd_per_token * _MAX_TOKENS

    def _cost_of(self, paid: RunUsage) -> Decimal:
        return Terms().cost_of(self._model, "", usage_in(paid))


async def _unheard(seconds: float) -> None:
    """Nobody watches."""
    del seconds
