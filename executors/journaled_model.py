"""A model whose every call is paid for beforehand and recorded afterwards, before anything comes of its answer."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from executors.conversation import as_json, offered, request_hash, since_answer, usage_of
from executors.finishing import finished
from executors.ledger import Ledger
from executors.port import Journal, Order, Paid, Reservation, Turn
from executors.provider_trouble import ProviderFailed, judge
from executors.providers import ModelSource
from executors.reserving import Wanted, reserve
from executors.said_meanwhile import SaidMeanwhile
from executors.terms import Terms
from executors.throttle import Throttle, Unthrottled, provider_of, take_turn
from executors.trouble import Trouble
from safety.budget import Measured


class TurnsSpent(Exception):
    """The attempt has made as many calls as it may."""


class JournaledModel(WrapperModel):
    """Asks the models of an order, in their order, and keeps the journal; it holds the state of one run.

    Their connections are closed with `until`.
    """

    def __init__(
        self,
        order: Order,
        source: ModelSource,
        journal: Journal,
        *,
        terms: Terms,
        ledger: Ledger,
        until: AsyncExitStack,
        throttle: Throttle | None = None,
    ) -> None:
        names = order.models
        self._names = names
        self._at = names.index(ledger.model) if ledger.model in names else 0
        super().__init__(source.open(names[self._at], until))
        self._source = source
        self._until = until
        self._journal = journal
        self._terms = terms
        self._throttle = throttle or Unthrottled()
        self._ledger = ledger
        self._turn_limit = order.workflow.limits.turns
        self._later = False
        self._said = SaidMeanwhile(journal)

    def prepare_messages(
        self, messages: list[ModelMessage], model_request_parameters: ModelRequestParameters | None = None
    ) -> list[ModelMessage]:
        """Leave messages as they are, so that the journal has what was said and not one model's form of it; `request` does it."""
        del model_request_parameters
        return messages

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, model_request_parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Record the results of the last turn, ask with what people said meanwhile, and record the answer.

        Raises:
            TurnsSpent: if the attempt may make no further call.
            BudgetSpent: if the call does not fit a limit.
            ProviderFailed: if no model of the order answered.
        """
        await self.close_turn(messages)
        if self._ledger.turns >= self._turn_limit:
            raise TurnsSpent
        return await self._ask_in_order(await self._said.told_in(messages), model_settings, model_request_parameters)

    async def close_turn(self, messages: list[ModelMessage]) -> None:
        """Record the results of the turn whose tools have run, which are at the end of `messages`."""
        if self._ledger.open_turn is None:
            return
        results = as_json(since_answer(messages))
        await self._journal.completed(self._ledger.open_turn, results=results, changed=self._ledger.changed)
        self._ledger.open_turn = None
        self._ledger.changed = False

    async def _ask_in_order(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        said: list[str] = []
        while True:
            answer = await self._ask_one(messages, settings, parameters, said)
            if answer is not None:
                return answer
            if self._at + 1 >= len(self._names):
                raise ProviderFailed("; ".join(said), later=self._later)
            before, self._at = self._names[self._at], self._at + 1
            self.wrapped = self._source.open(self._names[self._at], self._until)
            await self._journal.noted("model_fell_back", {"from": before, "to": self._names[self._at], "because": said[-1]})

    async def _ask_one(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters, said: list[str]
    ) -> ModelResponse | None:
        """Ask the present model until it answers or trying again is of no use; None then, with why in `said`."""
        name, retries = self._names[self._at], self._terms.retries
        for attempt in range(1, retries.tries + 1):
            await take_turn(self._throttle, name, self._journal)
            reservation = await self._reserve(name, messages, parameters)
            try:
                answer = await self._call(self.wrapped, messages, settings, parameters, reservation)
            except AgentRunError as exc:
                trouble = judge(exc, name, self._source.setting_of(name))
            else:
                await finished(self._record(name, messages, parameters, answer, reservation))
                return answer
            await self._after_trouble(trouble, reservation, name, attempt)
            if trouble.wait_s is not None:
                await self._throttle.told_to_wait(provider_of(name), min(trouble.wait_s, retries.longest_asked_wait_s))
            last = not trouble.retry or attempt == retries.tries
            if last:
                self._later = self._later or trouble.retry
                said.append(trouble.said + (f" (after {attempt} tries)" if attempt > 1 else ""))
                return None
            await retries.sleep(retries.wait_before(attempt + 1, trouble.wait_s))
        return None

    async def _reserve(self, name: str, messages: list[ModelMessage], parameters: ModelRequestParameters) -> Reservation:
        size = _size(messages) + _size_of_tools(parameters)
        measured = self._measured(name, messages, parameters)
        wanted = Wanted(model=name, request_bytes=size, measured=measured)
        return await reserve(self._journal, self._ledger, self._terms, wanted)

    def _measured(self, name: str, messages: list[ModelMessage], parameters: ModelRequestParameters) -> Measured | None:
        """Return what this model counted in the call before, if it was the one that answered it."""
        known = len(messages) - len(since_answer(messages))
        if not known or self._ledger.model != name:
            return None
        answer = messages[known - 1]
        if not isinstance(answer, ModelResponse) or not answer.usage.input_tokens:
            return None
        counted = answer.usage.input_tokens + answer.usage.output_tokens
        return Measured(tokens=counted, request_bytes=_size(messages[:known]) + _size_of_tools(parameters))

    async def _call(
        self,
        model: Model,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        reservation: Reservation,
    ) -> ModelResponse:
        wanted = ModelSettings(**(settings or {}))
        wanted["max_tokens"] = reservation.max_tokens
        if model.profile.get("supports_cache", False):
            wanted["cache"] = True  # the beginning of a conversation is sent again with every turn
        return await model.request(model.prepare_messages(messages, parameters), wanted, parameters)

    async def _record(
        self, name: str, messages: list[ModelMessage], parameters: ModelRequestParameters, answer: ModelResponse, reservation: Reservation
    ) -> None:
        usage = usage_of(answer)
        cost = self._terms.cost_of(name, answer.model_name or "", usage)
        turn = Turn(
            n=self._ledger.turns + 1,
            request_hash=request_hash(messages, offered(parameters)),
            model=name,
            request=as_json(since_answer(messages)),
            answer=as_json([answer])[0],
            heard=self._said.heard,
        )
        await self._journal.answered(turn, Paid(reservation=reservation, usage=usage, cost_usd=cost))
        self._ledger.turns = self._ledger.open_turn = turn.n
        self._ledger.model = name
        self._ledger.usages.append(usage)
        self._ledger.costs.append(cost)

    async def _after_trouble(self, trouble: Trouble, reservation: Reservation, name: str, attempt: int) -> None:
        if not trouble.charged:
            await self._journal.release(reservation, reason=trouble.said)
        await self._journal.noted(
            "model_failed", {"model": name, "try": attempt, "said": trouble.said, "again": trouble.retry, "may_be_charged": trouble.charged}
        )


def _size(messages: list[ModelMessage]) -> int:
    return len(json.dumps(as_json(messages), ensure_ascii=False).encode(errors="surrogatepass"))


def _size_of_tools(parameters: ModelRequestParameters) -> int:
    tools = [*parameters.function_tools, *parameters.output_tools]
    return sum(len(json.dumps([tool.name, tool.description, tool.parameters_json_schema]).encode()) for tool in tools)
