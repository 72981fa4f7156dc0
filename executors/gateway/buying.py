"""Buying answers: each call waits its turn, is paid for beforehand, tried again where that can help, and handed to the next model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal

from executors.gateway.conversation import Message
from executors.gateway.failures import CallFailed
from executors.gateway.requests import Asked, to_send
from executors.gateway.upstream import Answer, Upstream
from executors.ledger import Ledger
from executors.port import Journal, Order, Reservation, Usage
from executors.reserving import Wanted, reserve
from executors.terms import Terms
from executors.throttle import Throttle, provider_of, take_turn
from executors.trouble import Trouble
from safety.budget import Measured
from safety.prices import price_of

_DEAR_CACHE = 2
"""What a token that is cached for an hour costs, in tokens of plain input."""


class NoAnswer(Exception):
    """No model answered; the message is for a person."""

    def __init__(self, said: str, *, later: bool, told: CallFailed | None) -> None:
        """Keep whether one may answer later, and what the agent may be told so that it finds a way on by itself."""
        super().__init__(said)
        self.later = later
        self.told = told


@dataclass(frozen=True, kw_only=True)
class Bought:
    """An answer that is coming, and what was set aside for it."""

    model: str
    reservation: Reservation
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """What the provider counted in the call before."""

    model: str
    frame: Sequence[object]
    tokens: int
    known: int
    """How many messages of the conversation it has counted, its answer included."""


class Buyer:
    """Buys answers for one attempt."""

    def __init__(self, order: Order, journal: Journal, ledger: Ledger, upstream: Upstream, terms: Terms, throttle: Throttle) -> None:
        """Begin with the model that answered last."""
        self._names = order.models
        self._aliases = order.workflow.aliases
        self._at = order.models.index(ledger.model) if ledger.model in order.models else 0
        self._journal = journal
        self._ledger = ledger
        self._upstream = upstream
        self._terms = terms
        self._throttle = throttle
        self._counted: _Counted | None = None

    def models_for(self, asked: str) -> tuple[str, ...]:
        """Return the models to try, in order, for what the CLI asks for; none if it may not ask for that."""
        named = {name.partition(":")[2]: name for name in (*self._aliases.values(), *self._names)}
        named |= dict(self._aliases)
        found = named.get(asked)
        if found is None:
            return ()
        return self._names[self._at :] if found in self._names else (found,)

    @property
    def allowed(self) -> str:
        """The names that may be asked for."""
        return ", ".join([name.partition(":")[2] for name in self._names] + sorted(self._aliases))

    def counted(self, asked: Asked, model: str, usage: Usage, conversation: Sequence[Message]) -> None:
        """Note what the provider counted, so that less is set aside for the next call."""
        tokens = usage.input_tokens + usage.output_tokens
        self._counted = _Counted(model=model, frame=_frame(asked), tokens=tokens, known=len(conversation))

    async def buy(self, asked: Asked, kept: int, until: AsyncExitStack, reserved: Callable[[], None]) -> Bought:
        """Ask the models in order; the call ends with `until`, and `reserved` is called as soon as it is paid for.

        Raises:
            BudgetSpent: if the call does not fit a limit.
            NoAnswer: if no model answered.
        """
        said, later, told = list[str](), False, None
        for model in (models := self.models_for(asked.model)):
            if said and model in self._names:
                before, self._at = self._names[self._at], self._names.index(model)
                await self._journal.noted("model_fell_back", {"from": before, "to": model, "because": said[-1]})
            for attempt in range(1, self._terms.retries.tries + 1):
                reservation = await self._reserve(model, asked, kept)
                reserved()
                body = to_send(asked, model.partition(":")[2], reservation.max_tokens)
                try:
                    answer = await until.enter_async_context(self._upstream.ask(model, body, asked))
                except CallFailed as failed:
                    last = not failed.trouble.retry or attempt == self._terms.retries.tries
                    await self.failed(failed.trouble, reservation, model, attempt, wait=not last)
                    if not last:
                        continue
                    later = later or failed.trouble.retry
                    told = failed if failed.for_the_agent and model == models[-1] else None
                    said.append(failed.trouble.said + (f" (after {attempt} tries)" if attempt > 1 else ""))
                    break
                return Bought(model=model, reservation=reservation, answer=answer)
        raise NoAnswer("; ".join(said), later=later, told=told)

    async def failed(self, trouble: Trouble, reservation: Reservation, model: str, attempt: int, *, wait: bool) -> None:
        """Give the reservation back where nothing was charged, tell people, and wait before the next try."""
        if not trouble.charged:
            await self._journal.release(reservation, reason=trouble.said)
        told = {"model": model, "try": attempt, "said": trouble.said, "again": trouble.retry, "may_be_charged": trouble.charged}
        await self._journal.noted("model_failed", told)
        retries = self._terms.retries
        if trouble.wait_s is not None:
            await self._throttle.told_to_wait(provider_of(model), min(trouble.wait_s, retries.longest_asked_wait_s))
        if wait:
            await retries.sleep(retries.wait_before(attempt + 1, trouble.wait_s))

    async def count(self, asked: Asked) -> bytes:
        """Count the tokens of a request.

        Raises:
            CallFailed: if the provider does not.
        """
        model = self.models_for(asked.model)[0]
        body = {**asked.body, "model": model.partition(":")[2]}
        return await self._upstream.count(model, body, asked)

    def cost(self, model: str, answered_by: str, usage: Usage, long_cached: int) -> Decimal:
        """Return what an answer cost, with those of its tokens that were cached for an hour at their own price."""
        price = self._terms.price(model, answered_by, usage)
        dearer = max(price.input * _DEAR_CACHE - price.cache_write, Decimal(0))
        return self._terms.cost_of(model, answered_by, usage) + long_cached * dearer

    async def _reserve(self, model: str, asked: Asked, kept: int) -> Reservation:
        await take_turn(self._throttle, model, self._journal)
        # As it came, which is no less than what it says.
        size = len(asked.request.body)
        wanted = Wanted(
            model=model,
            request_bytes=size,
            measured=self._measured(model, asked, kept, size),
            max_tokens=asked.max_tokens,
            input_factor=self._input_factor(model) if asked.long_cached else Decimal(1),
        )
        return await reserve(self._journal, self._ledger, self._terms, wanted)

    def _measured(self, model: str, asked: Asked, kept: int, size: int) -> Measured | None:
        """Return what this model counted of the request's beginning, if it begins as the call before did and goes on from its answer."""
        before = self._counted
        if before is None or before.model != model or before.frame != _frame(asked) or kept < before.known:
            return None
        return Measured(tokens=before.tokens, request_bytes=size - _size(list(asked.messages[before.known :])))

    def _input_factor(self, model: str) -> Decimal:
        price = price_of(model, given=self._terms.prices)
        return max(price.input * _DEAR_CACHE / price.dearest_input, Decimal(1)) if price.dearest_input else Decimal(1)


def _frame(asked: Asked) -> Sequence[object]:
    """What stands around the messages of a request."""
    return [asked.body.get("system"), asked.body.get("tools")]


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
