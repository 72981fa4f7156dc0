"""The rows of effects: intended before the deed, ended after it, each write fenced by the epic's lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb
from epics.effects import Effect, EffectState


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A deed that is about to be done, and what the table knew of it before."""

    effect: Effect
    generation: int
    before: EffectState | None
    """None: nobody meant to do it in this generation."""
    found: Mapping[str, Any]


async def intend_effect(pool: Pool, lease: Lease, effect: Effect) -> Intent:
    """Record that a deed is about to be done; a deed that was done stays so, and the intent says it."""
    async with fenced(pool, lease) as connection:
        values = {"epic": lease.thread_id, "key": effect.key, "kind": effect.kind, "content": jsonb(list(effect.content))}
        row = await (await connection.execute(QUERIES["intend_effect"], values)).fetchone()
    if row is None:
        message = "intend_effect() gave no row"
        raise LookupError(message)
    before = EffectState(row["state"]) if row["state"] else None
    return Intent(effect=effect, generation=row["generation"], before=before, found=row["found"] or {})


async def end_effect(pool: Pool, lease: Lease, intent: Intent, state: EffectState, found: Mapping[str, Any]) -> None:
    """Record what came of a deed, with its event; a refused one stays intended, with why in `found`."""
    effect = intent.effect
    async with fenced(pool, lease) as connection:
        values = {"key": effect.key, "generation": intent.generation, "state": state, "found": jsonb(dict(found))}
        await connection.execute(QUERIES["end_effect"], values)
        if state != EffectState.INTENDED:
            data = {"kind": effect.kind, "key": effect.key, "generation": intent.generation, "state": state, **found}
            await add_events(connection, lease.thread_id, [{"type": "effect_recorded", "data": data}])


async def undo_effect(pool: Pool, lease: Lease, effect: Effect, found: Mapping[str, Any]) -> int | None:
    """End the newest generation of a deed that was done; the number of that generation, or None if there was nothing to end."""
    async with fenced(pool, lease) as connection:
        row = await (await connection.execute(QUERIES["undo_effect"], {"key": effect.key, "found": jsonb(dict(found))})).fetchone()
    return int(row["generation"]) if row else None


async def newest_effect(pool: Pool, effect: Effect) -> Row | None:
    """The newest generation of a deed, or None if nobody ever meant to do it."""
    return await fetch_one(pool, "newest_effect", {"key": effect.key})


async def list_effects(pool: Pool, epic_id: str) -> list[Row]:
    """The effects of an epic, in the order in which they were meant."""
    return await fetch_all(pool, "list_effects", {"epic": epic_id})


async def keep_recovery(pool: Pool, lease: Lease, n: int, facts: Mapping[str, Any], *, problem: str | None = None) -> None:
    """Record what became of an attempt that a crash cut off; with a problem its epic is paused in the same transaction."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["keep_recovery"], {"epic": lease.thread_id, "n": n, "recovery": jsonb(dict(facts))})
        events: list[dict[str, Any]] = [{"type": "attempt_recovered", "data": {"attempt": n, **facts}}]
        if problem is not None:
            await connection.execute(QUERIES["pause_epic"], {"epic": lease.thread_id, "problem": pool.clean(problem)})
            events.append({"type": "epic_paused", "data": {"problem": problem}})
        await add_events(connection, lease.thread_id, events)


async def recovery_of(pool: Pool, epic_id: str, n: int) -> tuple[Mapping[str, Any], str]:
    """What became of an attempt when it was cut off last (empty if it never was), and the status of its epic now."""
    row = await fetch_one(pool, "recovery_of", {"epic": epic_id, "n": n}) or {}
    return row.get("recovery") or {}, row.get("status", "")


async def read_only_tools(pool: Pool, epic_id: str, n: int) -> frozenset[str]:
    """The tools of other servers that an attempt was offered and that only look, as their servers say."""
    rows = await fetch_all(pool, "read_only_tools", {"epic": epic_id, "n": n})
    return frozenset(name for row in rows for name in row["tools"] or ())
