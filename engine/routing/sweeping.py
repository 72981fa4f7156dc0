"""Looking after requests: each worker does, and one of them at a time has each."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from db.asks import claim_asks, forget_asks, look_again
from engine.assembling import Installation
from engine.routing.carrying import carry_ask
from engine.waiting import any_set
from epics.errors import StoreUnavailable

AGAIN_S: Final = 1.0
_CLAIM_S: Final = 60.0
"""A repository may have to be fetched before a part begins; whoever dies in it is followed by another after this time."""
_MOST: Final = 8
_FORGET_S: Final = 3_600.0


async def sweep_asks(installation: Installation) -> int:
    """Carry on what requests are due, and say how many those were.

    Raises:
        StoreUnavailable: if the database does not answer; the next sweep goes on.
    """
    pool = installation.database.pool
    due = await claim_asks(pool, seconds=_CLAIM_S, most=_MOST)
    await asyncio.gather(*(_look_after(installation, ask_id) for ask_id in due))
    return len(due)


async def run_asks(installation: Installation, stop: asyncio.Event) -> None:
    """Sweep again and again, until `stop` is set."""
    forget_at, clock = 0.0, asyncio.get_running_loop().time
    while not stop.is_set():
        try:
            await sweep_asks(installation)
            if clock() >= forget_at:
                forget_at = clock() + _FORGET_S
                await forget_asks(installation.database.pool)
        except StoreUnavailable as error:
            structlog.get_logger().warning("requests are not looked after now", why=str(error))
        await any_set(stop, within=AGAIN_S)


async def _look_after(installation: Installation, ask_id: str) -> None:
    try:
        await carry_ask(installation, ask_id)
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  # one that a newer release made, say, must not keep the others from their turn
        structlog.get_logger().error("a request cannot be carried on", ask=ask_id, error=repr(error)[:500])
        await look_again(installation.database.pool, ask_id, seconds=_CLAIM_S)
    else:
        await look_again(installation.database.pool, ask_id, seconds=AGAIN_S)
