"""Turns of requests: counted in one row for each key or address, so that all servers count together."""

from __future__ import annotations

from dataclasses import dataclass

from db.connection import Pool
from db.epics import fetch_one


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a request is let through, and when the next one is."""

    allowed: bool
    remaining: int
    retry_after_s: float
    full_after_s: float
    """Until as many as ever are let through at once."""


async def take_turn(pool: Pool, bucket: str, *, per_minute: int, at_once: int) -> Turn:
    """Take a turn, if there is one.

    Args:
        pool: connections to the database.
        bucket: what stands for who asks.
        per_minute: how many come back in a minute.
        at_once: how many there are at most.

    Raises:
        StoreUnavailable: if the database does not answer.
    """
    row = await fetch_one(pool, "take_request_turn", {"bucket": bucket, "per_minute": per_minute, "at_once": at_once}) or {}
    return Turn(**row)


async def forget_turns(pool: Pool) -> None:
    """Drop the counts of who has not asked for a while: they say nothing any more."""
    await fetch_one(pool, "forget_request_turns", {})
