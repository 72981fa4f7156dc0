"""Plays a script instead of asking a model: for demonstrations and tests, with real files, a real journal and made-up cost."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from epics.errors import BudgetSpent, InvalidInput
from executors.noted_calls import noted_call
from executors.port import Ask, EndedBy, ErrorKind, Journal, Order, Outcome, Paid, Turn, Usage
from executors.reaching import call_id, context_of, tools_of
from executors.sayings import numbers, told
from executors.scripts import PlayTurn, Script
from executors.usage import total
from safety.prices import Price
from tools.builtin import builtin_tools
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem

MOST_OUTPUT_TOKENS = 4_096


@dataclass(slots=True)
class _Run:
    """Where a run is: the play, the turns that are recorded, and what they cost."""

    play: int
    before: int
    turns: list[Turn]
    usages: list[Usage] = field(default_factory=list)
    costs: list[Decimal] = field(default_factory=list)
    cut: int | None = None
    """The turn whose calls a crash cut off, so that they are made again."""

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None


class ScriptedExecutor:
    """Runs workflows by a script. Which play is played depends on the order alone, so a restarted worker plays the same one."""

    name = "scripted"

    def __init__(self, script: Script, *, tools: ToolRegistry | None = None) -> None:
        self._script = script
        self._tools = tools or builtin_tools()
        self._price = Price.per_million(script.input_usd_per_million, script.output_usd_per_million)

    def check_models(self, models: tuple[str, ...]) -> None:
        """Refuse models that are not scripted: somebody who names a real one expects it to be asked.

        Raises:
            InvalidInput: naming the model and what would do.
        """
        for model in models:
            if not model.startswith("scripted:"):
                raise InvalidInput(f"the scripted executor asks no model, so {model!r} cannot be used: name scripted:demo, or none")

    async def run(self, order: Order, journal: Journal) -> Outcome:
        """Play to the end, or on from the last journaled turn; turns that are recorded are not played again.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        run = self._begun(order, await journal.turns())
        if run is None:
            said = f"the script has no play for the workflow {order.workflow.name!r} and this brief: add one"
            return Outcome(ended_by="error", error=said, error_kind="no_output", model=_model(order))
        clock = asyncio.timeout(order.workflow.limits.seconds)
        try:
            async with clock:
                return await self._play(order, journal, run)
        except TimeoutError:
            if not clock.expired():
                raise
            return self._ended(order, run, "timeout", f"the attempt took longer than its {order.workflow.limits.seconds:g} s")
        except BudgetSpent as exc:
            return self._ended(order, run, "budget", str(exc))

    def _begun(self, order: Order, recorded: tuple[Turn, ...]) -> _Run | None:
        """Find the play: the one that recorded turns belong to, or else the first that fits the order."""
        before = len(order.continues)
        earlier = int(order.continues[0].request["play"]) if order.continues else None
        if recorded:
            play: int | None = int(recorded[0].request["play"])
            before = int(recorded[0].request.get("before", before if play == earlier else 0))
        elif earlier is not None and self._goes_on(earlier, before):
            play = earlier
        else:
            play, before = self._script.play_for(order.workflow.name, order.brief, order.tree), 0
        if play is None or play >= len(self._script.plays):
            return None
        cut = recorded[-1].n if recorded and recorded[-1].results is None else None
        run = _Run(play=play, before=before, turns=list(recorded), cut=cut)
        for turn in recorded:
            self._count(run, turn.answer)
        return run

    def _goes_on(self, play: int, position: int) -> bool:
        """Whether a play has more to say at a position; where it says that the attempt failed, another play says what comes next."""
        turns = self._script.plays[play].turns if play < len(self._script.plays) else ()
        return position < len(turns) and turns[position].fail is None

    async def _play(self, order: Order, journal: Journal, run: _Run) -> Outcome:
        scripted = self._script.plays[run.play].turns
        while True:
            if run.last is not None and run.last.results is None:
                await self._finish_turn(order, journal, run, run.last)
            if run.last is not None and (output := _handed_back(order, run.last.answer)) is not None:
                return self._done(order, run, output)
            if len(run.turns) >= order.workflow.limits.turns:
                return self._ended(order, run, "turns", f"all {order.workflow.limits.turns} turns were used before the task was done")
            position = run.before + len(run.turns)
            if position >= len(scripted):
                return self._ended(order, run, "error", "the play ended without an output")
            results = _results_before(order, run)
            turn = scripted[position].given("\n".join(results))
            if turn.fail is not None:
                return self._fails(order, run, turn)
            await self._answer(order, journal, run, turn)

    async def _answer(self, order: Order, journal: Journal, run: _Run, turn: PlayTurn) -> None:
        await asyncio.sleep(self._script.pause_s)
        ask = Ask(
            model=_model(order),
            input_usd=self._price.input * turn.input_tokens,
            output_usd_per_token=self._price.output,
            max_tokens=max(MOST_OUTPUT_TOKENS, turn.output_tokens),
            floor_tokens=turn.output_tokens,
        )
        reservation = await journal.reserve(ask)
        answer = {
            "say": turn.say,
            "calls": [call.model_dump(mode="json") for call in turn.all_calls],
            "output": dict(turn.output) if turn.output is not None else None,
            "usage": {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens},
        }
        usage, cost = self._count(run, answer)
        request: dict[str, Any] = {
            "play": run.play,
            "before": run.before,
            "brief": order.brief if not run.turns else "",
            "results": _results_before(order, run),
        }
        hashed = hashlib.sha256(f"{run.play}\0{run.before + len(run.turns)}\0{order.brief}\0{request['results']}".encode()).hexdigest()
        said = await journal.said()
        if said:
            request["said"] = [told(each) for each in said]
        recorded = Turn(n=len(run.turns) + 1, request_hash=hashed, model=_model(order), request=request, answer=answer, heard=numbers(said))
        await journal.answered(recorded, Paid(reservation=reservation, usage=usage, cost_usd=cost))
        run.turns.append(recorded)

    async def _finish_turn(self, order: Order, journal: Journal, run: _Run, turn: Turn) -> None:
        """Run the tools of a recorded answer, and record what they said."""
        results, changed = [], False
        for called in enumerate(turn.answer["calls"], start=1):
            said, may_change = await self._call(order, journal, turn.n, called, again=turn.n == run.cut)
            results.append(said)
            changed = changed or may_change
        await journal.completed(turn.n, results=results, changed=changed)
        run.turns[-1] = Turn(
            n=turn.n, request_hash=turn.request_hash, model=turn.model, request=turn.request, answer=turn.answer, results=results
        )

    async def _call(self, order: Order, journal: Journal, turn: int, called: tuple[int, Any], *, again: bool) -> tuple[str, bool]:
        place, call = called
        tool, given = str(call["tool"]), call["arguments"]
        context = replace(context_of(order), call_id=call_id(order.epic, order.attempt, turn, str(place)))
        started, problem = time.monotonic(), ""
        tools, allowed = tools_of(order, self._tools)
        try:
            said = await tools.call(tool, given, context=context, allowed=allowed)
        except ToolProblem as exc:
            said = problem = str(exc)
        seconds = time.monotonic() - started
        await journal.noted("tool_called", noted_call(tool, given, turn, seconds, problem, said=said, again=again))
        return said, tool in allowed and tools.get(tool).changes_files

    def _count(self, run: _Run, answer: Mapping[str, Any]) -> tuple[Usage, Decimal]:
        usage = Usage(**answer["usage"])
        cost = self._price.cost(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
        run.usages.append(usage)
        run.costs.append(cost)
        return usage, cost

    def _done(self, order: Order, run: _Run, output: Mapping[str, Any]) -> Outcome:
        try:
            checked = order.workflow.output.model_validate(output).model_dump(mode="json")
        except ValidationError as exc:
            said = f"the script's output does not fit {order.workflow.output.__name__}: {exc.errors()[0]['msg']}"
            return self._ended(order, run, "error", said)
        return Outcome(ended_by="done", output=checked, **self._totals(order, run))

    def _fails(self, order: Order, run: _Run, turn: PlayTurn) -> Outcome:
        if turn.fail == "error":
            said = turn.say or "the script says that the provider failed"
            return Outcome(ended_by="error", error=said, error_kind="provider", **self._totals(order, run))
        ended_by: EndedBy = "error" if turn.fail is None or turn.fail == "no_output" else turn.fail
        return self._ended(order, run, ended_by, turn.say or f"the script says so: {turn.fail}")

    def _ended(self, order: Order, run: _Run, ended_by: EndedBy, said: str) -> Outcome:
        kind: ErrorKind | None = "no_output" if ended_by == "error" else None
        return Outcome(ended_by=ended_by, error=said, error_kind=kind, **self._totals(order, run))

    def _totals(self, order: Order, run: _Run) -> dict[str, Any]:
        return {
            "turns": len(run.turns),
            "usage": total(run.usages),
            "cost_usd": sum(run.costs, Decimal(0)),
            "model": _model(order),
        }


def _model(order: Order) -> str:
    return order.models[0] if order.models else "scripted:demo"


def _handed_back(order: Order, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an answer ends the order with; in a conversation words alone do."""
    if answer.get("output") is None and order.talk is not None and order.talk.in_words and answer["say"] and not answer["calls"]:
        return {"text": answer["say"]}
    output: Mapping[str, Any] | None = answer.get("output")
    return output


def _results_before(order: Order, run: _Run) -> list[str]:
    last = run.last or (order.continues[-1] if order.continues else None)
    return list(last.results or ()) if last is not None else []
