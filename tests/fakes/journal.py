"""A journal in memory that keeps its promises: limits hold, answers come in order, and what happened can be counted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from epics.errors import BudgetSpent
from executors.port import Ask, Paid, Reservation, Said, Turn


class MemoryJournal:
    """Records turns; everything goes through JSON, as it does in a database."""

    def __init__(self, recorded: tuple[Turn, ...] = (), *, limit_usd: Decimal | None = None, tree: Path | None = None) -> None:
        self._turns = list(recorded)
        self._limit = limit_usd
        self._tree = tree
        self.spent = Decimal(0)
        self.held: dict[int, tuple[Ask, Decimal]] = {}
        self.reserved: list[Ask] = []
        self.released: list[str] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.log: list[str] = []
        self.snapshots: dict[int, dict[str, str]] = {}
        self.sayings: list[Said] = []
        self.raises: dict[str, Exception] = {}
        """Errors to raise instead, by method, each once."""

    async def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    async def reserve(self, ask: Ask) -> Reservation:
        self._trouble("reserve")
        tokens = ask.max_tokens
        if self._limit is not None:
            left = self._limit - self.spent - sum((held for _, held in self.held.values()), Decimal(0)) - ask.input_usd
            fits = int(left / ask.output_usd_per_token) if ask.output_usd_per_token else tokens
            tokens = min(tokens, max(fits, 0))
        if tokens < ask.floor_tokens:
            raise BudgetSpent(f"the next call of {ask.model} does not fit the limit of {self._limit} USD: raise it, or abandon")
        reservation = Reservation(id=len(self.reserved) + 1, max_tokens=tokens)
        self.reserved.append(ask)
        self.held[reservation.id] = (ask, ask.input_usd + tokens * ask.output_usd_per_token)
        self.log.append("reserved")
        return reservation

    async def release(self, reservation: Reservation, *, reason: str) -> None:
        del self.held[reservation.id]
        self.released.append(reason)
        self.log.append("released")

    async def answered(self, turn: Turn, paid: Paid) -> None:
        self._trouble("answered")
        _, held = self.held.pop(paid.reservation.id)
        assert paid.cost_usd <= held, f"a call of {turn.model} cost {paid.cost_usd}, but only {held} were reserved ({paid.usage})"
        self.spent += paid.cost_usd
        assert turn.n == len(self._turns) + 1
        assert all(earlier.results is not None for earlier in self._turns), "a turn was answered before the last one was complete"
        self._turns.append(dataclasses.replace(turn, request=_stored(turn.request), answer=_stored(turn.answer)))
        self.log.append(f"answered {turn.n}")

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:
        self._trouble("completed")
        assert n == len(self._turns)
        assert self._turns[-1].results is None
        assert results is not None
        commit = f"snapshot-{n}" if changed else None
        self._turns[-1] = dataclasses.replace(self._turns[-1], results=_stored(results), tree=commit)
        if changed and self._tree is not None:
            self.snapshots[n] = _files(self._tree)
        self.log.append(f"completed {n}{' changed' if changed else ''}")

    def say(self, text: str, by: str = "ann") -> None:
        """Say something to the agent, as a person does."""
        self.sayings.append(Said(n=len(self.sayings) + 1, text=text, by=by))

    async def said(self) -> tuple[Said, ...]:
        told = {n for turn in self._turns for n in turn.heard}
        return tuple(each for each in self.sayings if each.n not in told)

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        self.notes.append((kind, _stored(dict(data))))
        self.log.append(kind)

    def up_to(self, n: int, *, with_results: bool = True) -> MemoryJournal:
        """Return the journal as a crash would have left it after turn `n`."""
        turns = self._turns[:n]
        if not with_results:
            turns[-1] = dataclasses.replace(turns[-1], results=None, tree=None)
        return MemoryJournal(tuple(turns), limit_usd=self._limit, tree=self._tree)

    def _trouble(self, method: str) -> None:
        if method in self.raises:
            raise self.raises.pop(method)


def _stored(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _files(tree: Path) -> dict[str, str]:
    return {path.relative_to(tree).as_posix(): path.read_text() for path in sorted(tree.rglob("*")) if path.is_file()}
