"""The rows of requests and of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.storable import jsonb


class PartTaken(Exception):
    """Another process has begun a part meanwhile, or it is to be done no more; whoever sees this rolls back."""


async def insert_ask(connection: Connection, ask: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> bool:
    """Add a request with its parts, in the transaction at hand; False, and nothing is added, if its id or its key is taken."""
    values = {**ask, "caller": jsonb(ask["caller"]), "labels": jsonb(ask["labels"])}
    if await (await connection.execute(QUERIES["insert_ask"], values)).fetchone() is None:
        return False
    for part in parts:
        await connection.execute(QUERIES["insert_ask_part"], {**part, "ask": ask["id"], "matched": jsonb(part["matched"])})
    await audited(connection, "ask", kind="ask", subject=ask["id"], repo=ask["repo"], data={"parts": len(parts)})
    return True


async def ask_by_key(pool: Pool, key: str) -> Row | None:
    """The request that was made under a client's key, or None."""
    return await fetch_one(pool, "ask_by_key", {"key": key})


async def ask_row(pool: Pool, ask_id: str) -> Row | None:
    """One request, or None."""
    return await fetch_one(pool, "ask", {"ask": ask_id})


async def part_rows(pool: Pool, asks: Sequence[str]) -> list[Row]:
    """The parts of requests, in order, with how far what does them is."""
    return await fetch_all(pool, "ask_parts", {"asks": list(asks)})


async def claim_asks(pool: Pool, *, seconds: float, most: int) -> tuple[str, ...]:
    """Requests that somebody has to look after now: nobody else is given them for so many seconds."""
    return tuple(row["id"] for row in await fetch_all(pool, "claim_asks", {"seconds": seconds, "most": most}))


async def look_again(pool: Pool, ask_id: str, *, seconds: float) -> None:
    """Say when a request is to be looked after next."""
    await _done(pool, "look_again", {"ask": ask_id, "seconds": seconds})


async def take_part(connection: Connection, ask_id: str, n: int, work_id: str) -> None:
    """Say what does a part, in the transaction that makes that.

    Raises:
        PartTaken: if it is done already, or is to be done no more; the transaction must be rolled back.
    """
    if await (await connection.execute(QUERIES["take_ask_part"], {"ask": ask_id, "n": n, "work": work_id})).fetchone() is None:
        raise PartTaken


async def end_part(pool: Pool, ask_id: str, n: int, *, status: str, answer: str = "", problem: str = "") -> None:
    """End a part; the first end counts."""
    await _done(pool, "end_ask_part", {"ask": ask_id, "n": n, "status": status, "answer": answer, "problem": problem})


async def put_part_off(pool: Pool, ask_id: str, n: int, *, problem: str, seconds: float, counts: bool) -> None:
    """Keep why a part could not be begun now, and when it is tried again; `counts` says whether that was a try of its own."""
    await _done(pool, "put_off_ask_part", {"ask": ask_id, "n": n, "problem": problem, "seconds": seconds, "counts": counts})


async def end_ask(pool: Pool, ask_id: str, *, status: str, answer: str) -> None:
    """End a request whose parts have all ended; the first end counts."""
    await _done(pool, "end_ask", {"ask": ask_id, "status": status, "answer": answer})


async def choose(connection: Connection, ask_id: str, chosen: Mapping[int, str]) -> tuple[int, ...]:
    """Say who does parts, in the transaction at hand; return those of them that nobody had said it of before."""
    taken = []
    for n, agent in chosen.items():
        if await (await connection.execute(QUERIES["choose_for_part"], {"ask": ask_id, "n": n, "agent": agent})).fetchone() is not None:
            taken.append(n)
    await connection.execute(QUERIES["go_on_with_ask"], {"ask": ask_id})
    return tuple(taken)


async def cancel_ask(pool: Pool, ask_id: str) -> bool:
    """End a request, so that no part of it is begun any more; False if it has ended. Audited."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            if await (await connection.execute(QUERIES["cancel_ask"], {"ask": ask_id})).fetchone() is None:
                return False
            await connection.execute(QUERIES["cancel_ask_parts"], {"ask": ask_id})
            await audited(connection, "cancel", kind="ask", subject=ask_id)
            return True


async def forget_asks(pool: Pool) -> None:
    """Forget requests that ended long ago."""
    await _done(pool, "forget_asks", {})


async def agents_seen(pool: Pool, repo: str) -> dict[str, dict[str, int]]:
    """Of each agent that was seen: `done` and `failed` on a repository lately, and `busy` anywhere."""
    seen: dict[str, dict[str, int]] = {}
    for row in await fetch_all(pool, "outcomes_of_agents", {"repo": repo}):
        seen.setdefault(row["agent"], {}).update(done=row["done"], failed=row["failed"])
    for row in await fetch_all(pool, "load_of_agents", {}):
        seen.setdefault(row["agent"], {})["busy"] = row["busy"]
    return seen


async def _done(pool: Pool, query: str, values: Mapping[str, Any]) -> None:
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES[query], values)
