"""The journal of an attempt in PostgreSQL: turns, reservations, events; every write fenced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg.types.json import Json

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.sayings import count_as_told, untold_sayings
from db.sealed_journal import open_turns, seal_json, turn_context


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The limit that a call did not fit."""

    scope: str
    limit_usd: Decimal
    spent_usd: Decimal
    needed_usd: Decimal
    """What the call needs at least."""


@dataclass(frozen=True, kw_only=True)
class SavedTree:
    """A work tree in git: a commit with its files, and the HEAD that it had."""

    commit: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A reserved call and the output tokens that it may use."""

    call_id: int
    max_tokens: int


class AttemptJournal:
    """Reads and writes what one attempt leaves behind; the shapes of turns are JSON of the executor's own."""

    def __init__(self, pool: Pool, lease: Lease, attempt: int) -> None:
        """Bind the journal to an attempt and to the lease under which it is written."""
        self._pool = pool
        self._lease = lease
        self._key: dict[str, Any] = {"epic": lease.thread_id, "attempt": attempt}

    @staticmethod
    async def read(pool: Pool, epic_id: str, attempt: int) -> list[Row]:
        """The turns of any attempt, in order; reading takes no lease."""
        rows = await fetch_all(pool, "list_turns", {"epic": epic_id, "attempt": attempt})
        return await open_turns(pool.sealer, rows, attempt)

    @staticmethod
    async def read_before(pool: Pool, run_id: str, attempt: int, executor: str) -> list[Row]:
        """The whole turns of all that was answered by an executor before an attempt of a run, in the run's conversation, in order."""
        rows = await fetch_all(pool, "asked_before", {"run": run_id, "n": attempt, "executor": executor})
        return await open_turns(pool.sealer, rows)

    async def turns(self) -> list[Row]:
        """The turns so far, in order."""
        return await self.read(self._pool, self._key["epic"], self._key["attempt"])

    async def reserve(self, *, model: str, input_usd: Decimal, output_usd: Decimal, wish: int, floor: int) -> Grant | Refusal:
        """Hold the highest price of a call against the limits of attempt, epic and project, or say which refuses it."""
        values = {"model": model, "input_usd": input_usd, "output_usd": output_usd, "wish": wish, "floor": floor}
        fence = {"epoch": self._lease.epoch, "token": self._lease.token}
        row = await fetch_one(self._pool, "reserve_under_lease", {**self._key, **values, **fence})
        if row is None:
            message = "reserve_call() gave no row"
            raise LookupError(message)
        if row["call_id"] is None:
            keys = ("scope", "limit_usd", "spent_usd", "needed_usd")
            return Refusal(**{key: row[key] for key in keys})
        return Grant(call_id=row["call_id"], max_tokens=row["max_tokens"])

    async def release(self, call_id: int, *, reason: str) -> None:
        """Give back the reservation of a call that certainly cost nothing."""
        async with fenced(self._pool, self._lease) as connection:
            await connection.execute(QUERIES["release_call"], {**self._key, "call": call_id, "note": reason[:500]})

    async def answered(self, turn: Mapping[str, Any], *, call_id: int, tokens: Mapping[str, int], cost_usd: Decimal) -> None:
        """Record an answer, and replace the reservation of its call by what it cost; tokens are input, output, cache_read, cache_write."""
        values = {
            **self._key,
            "n": turn["n"],
            "request_hash": turn["request_hash"],
            "model": turn["model"],
            **{name: Json(await self._kept(name, turn["n"], turn[name])) for name in ("request", "answer")},
        }
        paid = {**self._key, **tokens, "call": call_id, "model": turn["model"], "cost_usd": cost_usd}
        async with fenced(self._pool, self._lease) as connection:
            await connection.execute(QUERIES["settle_call"], paid)
            await connection.execute(QUERIES["record_answer"], values)
            await count_as_told(connection, self._lease.thread_id, turn.get("heard", ()), attempt=self._key["attempt"], turn=turn["n"])
            data = {"attempt": self._key["attempt"], "turn": turn["n"], "model": turn["model"], "cost_usd": format(cost_usd, "f")}
            tokens_used = {"input_tokens": tokens["input"], "output_tokens": tokens["output"]}
            await add_events(connection, self._lease.thread_id, [{"type": "turn_taken", "data": {**data, **tokens_used}}])

    async def completed(self, n: int, *, results: Any, saved: SavedTree | None) -> None:  # JSON
        """Record the results of a turn, with the tree after it where the turn changed files."""
        kept = await self._kept("results", n, results)
        async with fenced(self._pool, self._lease) as connection:
            tree = {"tree": saved.commit if saved else None, "head": saved.head if saved else None}
            await connection.execute(QUERIES["record_results"], {**self._key, "n": n, "results": Json(kept), **tree})

    async def said(self) -> list[Row]:
        """What people have said to the epic's agent that no turn has told it yet."""
        return await untold_sayings(self._pool, self._lease.thread_id)

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event of this attempt."""
        async with fenced(self._pool, self._lease) as connection:
            await add_events(connection, self._lease.thread_id, [{"type": kind, "data": {"attempt": self._key["attempt"], **data}}])

    async def _kept(self, column: str, n: int, value: Any) -> Any:  # JSON
        return await seal_json(self._pool.sealer, value, turn_context(column, self._key["attempt"], n))
