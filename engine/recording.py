"""The journal that executors write: turns and calls in the database, trees in git."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.journal import AttemptJournal, Refusal, SavedTree
from engine.saying import said_in
from engine.storing_packs import Keeper
from epics.errors import BudgetSpent
from epics.money import dollars
from epics.runs import is_run
from executors.port import Ask, Paid, Reservation, Said, Turn
from timemachine.commits import Signature
from timemachine.mirrors import protect
from timemachine.snapshots import snapshot
from timemachine.worktrees import Worktree


class RecordingJournal:
    """Implements `executors.port.Journal` on the database's journal and the attempt's work tree."""

    def __init__(self, rows: AttemptJournal, worktree: Worktree | None, signature: Signature, label: str, keeper: Keeper | None) -> None:
        """Bind the rows of an attempt to its work tree.

        Args:
            rows: the attempt's rows.
            worktree: where its files are; None for an agent that is on no repository.
            signature: with which snapshots are signed.
            label: names epic or run, and attempt, in the messages of snapshots.
            keeper: keeps the snapshots where any host finds them; None without a work tree.
        """
        self._rows = rows
        self._worktree = worktree
        self._signature = signature
        self._label = label
        self._keeper = keeper
        self.refusal: Refusal | None = None
        """The limit that refused a call last, if one did."""

    async def turns(self) -> tuple[Turn, ...]:
        """The turns that were recorded, in order."""
        return tuple(turn_of(row) for row in await self._rows.turns())

    async def reserve(self, ask: Ask) -> Reservation:
        """Hold the highest price of a call against every limit."""
        given = await self._rows.reserve(
            model=ask.model,
            input_usd=ask.input_usd,
            output_usd=ask.output_usd_per_token,
            wish=ask.max_tokens,
            floor=ask.floor_tokens,
        )
        if isinstance(given, Refusal):
            self.refusal = given
            limit, spent, needed = (dollars(amount) for amount in (given.limit_usd, given.spent_usd, given.needed_usd))
            whose = "run" if given.scope == "epic" and is_run(self._label) else given.scope
            message = f"the next call of {ask.model} needs up to {needed}, and {spent} of the {whose}'s limit of {limit} is used"
            raise BudgetSpent(message, scope=given.scope, limit_usd=format(given.limit_usd, "f"), spent_usd=format(given.spent_usd, "f"))
        return Reservation(id=given.call_id, max_tokens=given.max_tokens)

    async def release(self, reservation: Reservation, *, reason: str) -> None:
        """Give a reservation back."""
        await self._rows.release(reservation.id, reason=reason)

    async def answered(self, turn: Turn, paid: Paid) -> None:
        """Record an answer and what it cost, before any of its tools runs."""
        values = {
            "n": turn.n,
            "request_hash": turn.request_hash,
            "model": turn.model,
            "request": turn.request,
            "answer": turn.answer,
            "heard": turn.heard,
        }
        usage = paid.usage
        tokens = {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cache_read": usage.cache_read_tokens,
            "cache_write": usage.cache_write_tokens,
        }
        await self._rows.answered(values, call_id=paid.reservation.id, tokens=tokens, cost_usd=paid.cost_usd)

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:  # JSON of the executor's own
        """Record the results of a turn, and the tree after it where files may have changed."""
        saved = await self._save(n) if changed else None
        await self._rows.completed(n, results=results, saved=saved)

    async def said(self) -> tuple[Said, ...]:
        """What people have said that no recorded turn has told the agent yet."""
        return said_in(await self._rows.said())

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event."""
        await self._rows.noted(kind, data)

    async def _save(self, n: int) -> SavedTree | None:
        if self._worktree is None or self._keeper is None:
            return None
        taken = await snapshot(self._worktree, signature=self._signature, message=f"{self._label} turn {n}\n")
        await protect(self._worktree.mirror, taken.commit)
        head = await self._worktree.head()
        await self._keeper.keep(taken.commit, beside=(head,))
        return SavedTree(commit=taken.commit, head=head)


def turn_of(row: Mapping[str, Any]) -> Turn:
    """A journaled turn from its row."""
    keys = ("n", "request_hash", "model", "request", "answer", "results", "tree")
    return Turn(**{key: row[key] for key in keys}, heard=tuple(row["heard"]))
