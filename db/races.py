"""The rows of races: what was planned, which forks run, how they scored, which one was picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.fence import add_events, fenced
from db.jobs import hint
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry whose fork is not made yet."""

    k: int
    fork_id: str
    guidance: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The score of an entry, and where it was then."""

    k: int
    score: Mapping[str, Any]
    place: str


async def race_row(pool: Pool, epic_id: str) -> Row | None:
    """The race of an epic, if it has one."""
    return await fetch_one(pool, "race", {"epic": epic_id})


async def entry_rows(pool: Pool, epic_id: str) -> list[Row]:
    """The entries of a race, each with where its fork is."""
    return await fetch_all(pool, "race_entries", {"epic": epic_id})


async def entry_row(pool: Pool, epic_id: str) -> Row | None:
    """The race that an epic is an entry of, and which entry, if it is one."""
    return await fetch_one(pool, "entry_of_race", {"epic": epic_id})


async def plan_race(connection: Connection, epic_id: str, *, n: int, rule: str) -> None:
    """Plan a race, in the transaction that makes the epic."""
    await connection.execute(QUERIES["plan_race"], {"epic": epic_id, "n": n, "rule": rule})


async def begin_race(pool: Pool, lease: Lease, entries: Sequence[NewEntry], *, moment: int, share: Decimal | None, problem: str) -> None:
    """Let a planned race run: its entries get their ids, and the epic waits for them; once, whoever asks again."""
    epic = lease.thread_id
    async with fenced(pool, lease) as connection:
        begun = await connection.execute(QUERIES["begin_race"], {"epic": epic, "moment": moment, "share": share})
        if await begun.fetchone() is not None:
            values = {"ks": [entry.k for entry in entries], "forks": [entry.fork_id for entry in entries]}
            await connection.execute(QUERIES["add_entries"], {"epic": epic, **values, "guidances": [entry.guidance for entry in entries]})
            data = {"moment": moment, "entries": values["forks"], "share_usd": None if share is None else format(share, "f")}
            await add_events(connection, epic, [{"type": "race_begun", "data": data}])
        await connection.execute(QUERIES["rest_epic"], {"epic": epic, "problem": problem})


async def rename_entry(pool: Pool, lease: Lease, k: int, fork_id: str) -> None:
    """Give an entry another id, where its own was taken."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["rename_entry"], {"epic": lease.thread_id, "k": k, "fork": fork_id})


async def rest_epic(pool: Pool, lease: Lease, problem: str) -> None:
    """Let an epic wait for its race."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["rest_epic"], {"epic": lease.thread_id, "problem": problem})


async def rest_entry(pool: Pool, lease: Lease, race: str, problem: str, event: Mapping[str, Any]) -> None:
    """Let an entry wait until it is compared, and tell the workers that its race may go on."""
    async with fenced(pool, lease) as connection:
        rested = await connection.execute(QUERIES["rest_epic"], {"epic": lease.thread_id, "problem": problem})
        if await rested.fetchone() is not None:
            await add_events(connection, lease.thread_id, [event])
            await hint(connection, race)


async def leave_to_person(pool: Pool, lease: Lease, judged: Sequence[Judged], *, problem: str, event: Mapping[str, Any]) -> None:
    """Record how the entries scored, and that a person is to pick."""
    epic = lease.thread_id
    async with fenced(pool, lease) as connection:
        await _judge(connection, epic, judged)
        await connection.execute(QUERIES["hinder_race"], {"epic": epic, "problem": None})
        await connection.execute(QUERIES["rest_epic"], {"epic": epic, "problem": problem})
        await add_events(connection, epic, [event])


async def record_scores(pool: Pool, lease: Lease, judged: Sequence[Judged]) -> None:
    """Record how the entries scored, before one of them is picked."""
    async with fenced(pool, lease) as connection:
        await _judge(connection, lease.thread_id, judged, settled=False)


async def hinder_race(pool: Pool, lease: Lease, problem: str | None) -> None:
    """Record what keeps a race from going on, or that nothing does any more; told once, however often it is tried."""
    async with fenced(pool, lease) as connection:
        hindered = await connection.execute(QUERIES["hinder_race"], {"epic": lease.thread_id, "problem": problem})
        if await hindered.fetchone() is not None and problem is not None:
            await add_events(connection, lease.thread_id, [{"type": "race_hindered", "data": {"problem": problem}}])


async def call_off_race(pool: Pool, lease: Lease, why: str) -> None:
    """End a race with nothing picked."""
    async with fenced(pool, lease) as connection:
        called_off = await connection.execute(QUERIES["call_off_race"], {"epic": lease.thread_id, "why": why})
        if await called_off.fetchone() is not None:
            await add_events(connection, lease.thread_id, [{"type": "race_called_off", "data": {"why": why}}])


async def entries_told_to_end(pool: Pool, lease: Lease) -> None:
    """Record that the entries of a race that is over were told to end."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["entries_told_to_end"], {"epic": lease.thread_id})


async def _judge(connection: Connection, epic: str, judged: Sequence[Judged], *, settled: bool = True) -> None:
    for entry in judged:
        values = {"epic": epic, "k": entry.k, "score": jsonb(dict(entry.score)), "judged_at": entry.place if settled else None}
        await connection.execute(QUERIES["judge_entry"], values)
