"""Nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from api.patience import within
from epics.errors import EpicNotFound, StoreUnavailable


async def test_what_comes_in_time_is_returned():
    async def answer() -> int:
        return 7

    assert await within(30, answer()) == 7


async def test_an_error_passes_as_it_is():
    async def fail() -> None:
        message = "none"
        raise EpicNotFound(message)

    with pytest.raises(EpicNotFound):
        await within(30, fail())


async def test_what_cannot_even_be_cancelled_is_left_behind():
    freed = asyncio.Event()

    async def hang() -> None:
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(StoreUnavailable, match=r"0\.01 s"):
        await within(0.01, hang())
    freed.set()
    await asyncio.sleep(0)
