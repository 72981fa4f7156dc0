"""The gateway of one attempt: each call of its CLI is paid for beforehand, and recorded before anything comes of its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from epics.errors import BudgetSpent, GenieError
from executors.gateway.assembly import Assembly, stream_of
from executors.gateway.buying import Bought, Buyer, NoAnswer
from executors.gateway.conversation import calls_in, rest_of, tells, usage_of
from executors.gateway.failures import CallFailed
from executors.gateway.refusals import Head, Refusal, RefusalKind, Refused, error_body
from executors.gateway.requests import Asked, Malformed, Request, asked_in, refuse_reaching_out
from executors.gateway.turns import Turns, long_cached_in
from executors.gateway.upstream import Upstream
from executors.ledger import Ledger
from executors.port import Journal, Order, Said, Turn
from executors.terms import Terms
from executors.throttle import Throttle

_STREAM: Final = "text/event-stream; charset=utf-8"
_ENDS: Final = frozenset({"message_delta", "message_stop"})
"""Events by which the CLI knows that an answer is whole."""

Give = Callable[[Head | bytes], Awaitable[None]]
"""Gives the CLI what goes before an answer, then its bytes."""


class GatewaySession:
    """Speaks the Messages API to the CLI of one attempt, and keeps its journal.

    `serve` (serving.py) gives it an address. `ledger` has what the attempt has done, recorded turns included.
    """

    def __init__(
        self,
        order: Order,
        journal: Journal,
        *,
        token: str,
        recorded: Sequence[Turn],
        upstream: Upstream,
        terms: Terms,
        throttle: Throttle,
    ) -> None:
        """Bind to an attempt, and let its time run; `begin` lets it run from then.

        Args:
            order: what the attempt is asked to do; its models, aliases and limits hold.
            journal: where turns are recorded.
            token: what the CLI must show; the same for every worker of the attempt.
            recorded: the attempt's turns so far (`journal.turns()`).
            upstream: the connection to the provider, one per executor.
            terms: what calls are made under.
            throttle: where all workers take turns.
        """
        self.token = token
        self.ledger = Ledger(turns=len(recorded), model=recorded[-1].model if recorded else "")
        self.refusal: Refusal | None = None
        """Why no further call is let through; None while calls are."""
        self.failed: Exception | None = None
        """What the journal raised (LeaseLost, StoreUnavailable, a snapshot's GitFailed), for the executor; `refused` is set then too."""
        self.refused = asyncio.Event()
        self._limits = order.workflow.limits
        self._until = 0.0
        self._buyer = Buyer(order, journal, self.ledger, upstream, terms, throttle)
        self._turns = Turns(journal, self.ledger, recorded)
        self._lock = asyncio.Lock()
        self._first = bool(recorded)
        self._broken = 0
        self._tries = terms.retries.tries
        for turn in recorded:
            usage = usage_of(turn.answer)
            self.ledger.usages.append(usage)
            answered_by = str(turn.answer.get("model") or "")
            self.ledger.costs.append(self._buyer.cost(turn.model, answered_by, usage, long_cached_in(turn.answer)))
        if recorded and recorded[-1].results is None:
            self.ledger.open_turn = recorded[-1].n
        self.begin()

    def begin(self) -> None:
        """Let the attempt's time run from now: its CLI may have waited long for its place."""
        self._until = asyncio.get_running_loop().time() + self._limits.seconds

    def sent(self, said: Said, text: str) -> None:
        """Note that a person's words were given to the CLI, as `text`; the turn whose request first has them in it records that."""
        self._turns.sent(said, text)

    async def finish(self, messages: Sequence[Mapping[str, Any]] = (), *, changed: bool | None = None) -> None:
        """Record the results of the last turn, where it has none yet, when the CLI has ended.

        Args:
            messages: the messages after the last answer, as the CLI's events have them (`{"role": "user", "content": …}`).
            changed: whether files may have changed; None judges by the tools that the last answer called.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        async with self._lock:
            await self._turns.finish(messages, changed=changed)

    def stop(self, kind: RefusalKind, said: str) -> None:
        """Refuse every further call."""
        self._refuse(kind, said)

    def broken(self, failed: Exception) -> None:
        """Note what ends the attempt, and refuse every further call."""
        self.failed = self.failed or failed
        self._refuse("cancelled", str(failed))

    async def messages(self, request: Request, give: Give) -> None:
        """Answer a call of the CLI. One call at a time: a conversation has no branches."""
        async with self._lock:
            try:
                await self._answer(request, give)
            except Malformed as exc:
                await _error(give, str(exc))
            except Refused as exc:
                await _error(give, f"genie: {exc}")
            except GenieError as exc:
                self.broken(exc)
                # Worth trying again: where another worker has taken the epic over, the CLI may be its own by now.
                await _error(give, "genie: the journal cannot be written", status=503, final=False)

    async def count_tokens(self, request: Request, give: Give) -> None:
        """Count the tokens of a request: nothing is reserved or recorded, since it costs nothing."""
        try:
            asked = asked_in(request)
            self._check(asked)
            counted = await self._buyer.count(asked)
        except Malformed as exc:
            await _error(give, str(exc))
        except Refused as exc:
            await _error(give, f"genie: {exc}")
        except CallFailed as exc:
            await _error(give, str(exc), status=exc.status or 502)
        else:
            await give(Head(status=200))
            await give(counted)

    async def _answer(self, request: Request, give: Give) -> None:
        await self._turns.closed()
        asked = asked_in(request)
        self._see_time()
        known = self._recorded_answer(asked)
        self._first = False
        if known is not None:
            await _give_whole(give, known, asked)
            return
        kept = self._turns.kept(asked)
        aside = self._turns.is_aside(asked, kept)
        async with AsyncExitStack() as until:
            try:
                self._check(asked, kept, aside=aside)
                bought = await self._buy(asked, kept, until)
            except Refused:
                # The tools of the last answer have run all the same.
                await self._turns.close_told(asked)
                raise
            await self._pass_on(asked, kept, bought, give, aside=aside)

    def _recorded_answer(self, asked: Asked) -> Mapping[str, Any] | None:
        """The last answer, if it is what a request should get: nothing is bought twice.

        It is asked for again by a CLI that never got it (its worker died, or its connection) or not to its end, and by one that was
        started anew on the conversation up to it.
        """
        turn = self._turns.open
        if turn is None or tells(asked.messages, turn.answer):
            return None
        if asked.hash == turn.request_hash:
            return dict(turn.answer)
        if (since := self._turns.since_request(asked)) is not None:
            return rest_of(turn.answer, since)
        return dict(turn.answer) if self._first else None

    def _see_time(self) -> None:
        """Refuse whatever comes when the attempt's time is over, or when it was stopped.

        Raises:
            Refused: saying why.
        """
        if self.refusal is None and asyncio.get_running_loop().time() >= self._until:
            self._refuse("timeout", f"the attempt took longer than its {self._limits.seconds:g} s")
        if self.refusal is not None:
            raise Refused(self.refusal.said)

    def _check(self, asked: Asked, kept: int = 0, *, aside: bool = False) -> None:
        """Refuse a call that may not be made; every further one too, where the attempt's limits are the reason.

        Raises:
            Refused: saying why.
            Malformed: if it asks for what no agent gets.
        """
        if self.refusal is None and self.ledger.turns >= self._limits.turns:
            self._refuse("turns", f"all {self._limits.turns} turns were used before the task was done")
        if self.refusal is None and not self._buyer.models_for(asked.model):
            self._refuse("model", f"the model {asked.model[:100]} may not be asked here; allowed are {self._buyer.allowed}")
        self._see_time()
        refuse_reaching_out(asked, kept)
        if (turn := self._turns.open) is not None and self._are_at_work(turn, asked, aside=aside):
            raise Refused("no other call is let through while tools run")

    @staticmethod
    def _are_at_work(turn: Turn, asked: Asked, *, aside: bool) -> bool:
        """Whether the tools of an answer still run, since a request does not say what came of them.

        A command of the agent could ask by itself, and its own tree would be snapshotted in the middle of its work. Calls of an answer that
        was cut off at its length are never made.
        """
        if not calls_in(turn.answer) or tells(asked.messages, turn.answer):
            return False
        return aside or turn.answer.get("stop_reason") == "tool_use"

    async def _buy(self, asked: Asked, kept: int, until: AsyncExitStack) -> Bought:
        try:
            # The results are recorded beside the call: the CLI waits for its answer, so its tools are still.
            return await self._buyer.buy(asked, kept, until, lambda: self._turns.begin_to_close(asked))
        except BudgetSpent as exc:
            self._refuse("budget", str(exc))
            raise Refused(str(exc)) from exc
        except NoAnswer as exc:
            if exc.told is not None:
                # As it is: the CLI knows these words, and what to do.
                raise Malformed(exc.told.words) from exc
            self._refuse("unavailable" if exc.later else "provider", str(exc))
            raise Refused(str(exc)) from exc

    async def _pass_on(self, asked: Asked, kept: int, bought: Bought, give: Give, *, aside: bool) -> None:
        """Pass an answer on as it comes, but for what makes the CLI act: that waits until it is recorded (durability rule 16)."""
        if asked.stream:
            await give(Head(status=200, content_type=_STREAM, request_id=bought.answer.request_id))
        assembly, held = Assembly(), list[bytes]()
        try:
            async for event in bought.answer:
                assembly.feed(event)
                if held or event.kind in _ENDS or assembly.runs_tool(event):
                    held.append(event.raw)
                elif asked.stream:
                    await give(event.raw)
                if assembly.complete:
                    break
            assembly.see_whole()
        except (CallFailed, ValueError) as exc:
            failed = exc if isinstance(exc, CallFailed) else CallFailed.nonsense(bought.model, exc)
            await self._break_off(failed, bought, give)
            return
        self._broken = 0
        await self._turns.record(asked, kept, bought, assembly.message, self._buyer, aside=aside)
        if asked.stream:
            await give(b"".join(held))
        else:
            await _give_whole(give, assembly.message, asked)

    async def _break_off(self, failed: CallFailed, bought: Bought, give: Give) -> None:
        """Tell the CLI that an answer broke off, so that it asks again; what was set aside for it stays, since it may be charged."""
        self._broken += 1
        last = self._broken >= self._tries
        await self._buyer.failed(failed.trouble, bought.reservation, bought.model, self._broken, wait=not last)
        if last:
            self._refuse("unavailable", f"{failed} (after {self._broken} tries)")
        await give(Head(status=529))
        await give(error_body("overloaded_error", str(failed)))

    def _refuse(self, kind: RefusalKind, said: str) -> None:
        if self.refusal is None:
            self.refusal = Refusal(kind=kind, said=said)
        self.refused.set()


async def _give_whole(give: Give, message: Mapping[str, Any], asked: Asked) -> None:
    if asked.stream:
        await give(Head(status=200, content_type=_STREAM))
        await give(b"".join(stream_of(message)))
    else:
        await give(Head(status=200))
        await give(json.dumps(message).encode())


async def _error(give: Give, said: str, *, status: int = 400, final: bool = True) -> None:
    await give(Head(status=status, final=final))
    await give(error_body("invalid_request_error", said))
