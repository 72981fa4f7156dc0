"""The turns of an attempt as its gateway records them: answers before anything comes of them, results when the next request has them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from executors.finishing import finished
from executors.gateway.buying import Bought, Buyer
from executors.gateway.conversation import (
    PROTOCOL,
    Message,
    calls_in,
    conversation_of,
    grown,
    kept_of,
    results_in,
    since_answer,
    tells,
    text_of,
    usage_of,
    words_of,
)
from executors.gateway.requests import Asked
from executors.ledger import Ledger
from executors.noted_calls import noted_call
from executors.port import Journal, Paid, Said, Turn
from executors.tool_names import READ_ONLY, genie_name

_AFTER_S: Final = 0.02
"""What is recorded beside a call begins when the call is out, so that it does not hold it up."""


class Turns:
    """Knows the conversation of an attempt, and writes its journal."""

    def __init__(self, journal: Journal, ledger: Ledger, recorded: Sequence[Turn]) -> None:
        """Begin where the recorded turns end."""
        self._journal = journal
        self._ledger = ledger
        self._conversation = conversation_of(recorded)
        self._sent: list[tuple[Said, str]] = []
        self._answered_at = asyncio.get_running_loop().time()
        self._closing: asyncio.Task[None] | None = None
        self.last = recorded[-1] if recorded else None
        """The turn that was recorded last."""

    @property
    def open(self) -> Turn | None:
        """The turn whose results are not known yet."""
        return self.last if self._ledger.open_turn is not None else None

    def kept(self, asked: Asked) -> int:
        """Return how many messages of the conversation a request repeats."""
        return kept_of(self._conversation, asked.messages)

    def since_request(self, asked: Asked) -> list[Message] | None:
        """Return what a request has beyond that of the open turn; None if it does not begin with all of that."""
        before = self._conversation[:-1]
        return list(asked.messages[len(before) :]) if before and kept_of(before, asked.messages) == len(before) else None

    def is_aside(self, asked: Asked, kept: int) -> bool:
        """Say whether a request stands beside the conversation: it offers no tools, and goes on from nothing that was said."""
        return bool(self._conversation) and kept == 0 and not asked.body.get("tools")

    def sent(self, said: Said, text: str) -> None:
        """Note that a person's words were given to the CLI."""
        self._sent.append((said, text))

    def begin_to_close(self, asked: Asked) -> None:
        """Record the results of the open turn, which a request has, beside whatever comes now: its tools have run."""
        turn = self.open
        if turn is None or self._closing is not None:
            return
        told = since_answer(asked.messages) if tells(asked.messages, turn.answer) else []
        self._closing = asyncio.create_task(self._close_beside(turn, told), name=f"close-turn-{turn.n}")

    async def close_told(self, asked: Asked) -> None:
        """Record the results of the open turn now, if the request has them.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        if self.open is not None and tells(asked.messages, self.open.answer):
            self.begin_to_close(asked)
            await self.closed()

    async def closed(self) -> None:
        """Wait until the results are recorded; a cancel does not stop that.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        if self._closing is None:
            return
        closing = self._closing
        try:
            await finished(closing)
        finally:
            if closing.done():
                self._closing = None

    async def finish(self, messages: Sequence[Message], *, changed: bool | None) -> None:
        """Record the results of the open turn where no further request will have them."""
        await self.closed()
        if (turn := self.open) is not None:
            await finished(self._close(turn, list(messages), changed=changed))

    async def record(self, asked: Asked, kept: int, bought: Bought, message: dict[str, Any], buyer: Buyer, *, aside: bool) -> None:
        """Record the results of the turn before, then an answer and what it cost; a cancel does not stop that, since it is paid for.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        usage = usage_of(message)
        cost = buyer.cost(bought.model, str(message.get("model") or ""), usage, long_cached_in(message))
        new = list(asked.messages) if aside else list(asked.messages[kept:])
        request: dict[str, Any] = {"protocol": PROTOCOL, "kept": 0 if aside else kept, "messages": new, "model": asked.model}
        if aside:
            request["aside"] = True
        heard = [(said, text) for said, text in self._sent if any(text in words_of(each) for each in new)]
        turn = Turn(
            n=self._ledger.turns + 1,
            request_hash=asked.hash,
            model=bought.model,
            request=request,
            answer=message,
            heard=tuple(said.n for said, _ in heard),
        )
        await finished(self._write(turn, Paid(reservation=bought.reservation, usage=usage, cost_usd=cost)))
        self._sent = [each for each in self._sent if each not in heard]
        if not aside:
            buyer.counted(asked, bought.model, usage, self._conversation)

    async def _write(self, turn: Turn, paid: Paid) -> None:
        await self.closed()
        await self._journal.answered(turn, paid)
        self._ledger.turns = self._ledger.open_turn = turn.n
        self._ledger.model = turn.model
        self._ledger.usages.append(paid.usage)
        self._ledger.costs.append(paid.cost_usd)
        self._conversation = grown(self._conversation, turn)
        self.last = turn
        self._answered_at = asyncio.get_running_loop().time()
        if turn.request.get("aside"):
            await self._close(turn, [], changed=False)

    async def _close_beside(self, turn: Turn, messages: Sequence[Message]) -> None:
        await asyncio.sleep(_AFTER_S)
        await self._close(turn, messages, changed=None)

    async def _close(self, turn: Turn, messages: Sequence[Message], *, changed: bool | None) -> None:
        calls, results = calls_in(turn.answer), results_in(messages)
        seconds = asyncio.get_running_loop().time() - self._answered_at
        if changed is None:
            changed = any(call["name"] not in READ_ONLY for call in calls.values())
        await self._journal.completed(turn.n, results={"protocol": PROTOCOL, "messages": list(messages)}, changed=changed)
        self._ledger.open_turn = None
        for key, call in calls.items():
            if key in results:
                await self._journal.noted("tool_called", _noted(call, results[key], turn.n, seconds))


def long_cached_in(answer: Mapping[str, Any]) -> int:
    """Return how many tokens of a request were cached for an hour."""
    return int(((answer.get("usage") or {}).get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0)


def _noted(call: Mapping[str, Any], result: Mapping[str, Any], turn: int, seconds: float) -> dict[str, Any]:
    words = text_of(result)
    given = call.get("input")
    problem = (words or "it failed") if result.get("is_error") else ""
    return noted_call(genie_name(str(call["name"])), given if isinstance(given, Mapping) else {}, turn, seconds, problem, said=words)
