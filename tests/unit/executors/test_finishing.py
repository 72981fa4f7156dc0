"""Records that are written to their end."""

from __future__ import annotations

import asyncio

import pytest

from executors.finishing import finished


async def _ended(task):
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_record_is_written_to_its_end_however_often_its_writer_is_cancelled():
    may_end, written = asyncio.Event(), []

    async def write():
        await may_end.wait()
        written.append("answer")

    writer = asyncio.create_task(finished(write()))
    for _ in range(3):
        await asyncio.sleep(0)
        writer.cancel()
    await asyncio.sleep(0)
    may_end.set()
    await _ended(writer)

    assert written == ["answer"]


async def test_a_record_that_cannot_be_written_says_so_to_a_cancelled_writer():
    may_end = asyncio.Event()

    async def write():
        await may_end.wait()
        raise ValueError

    writer = asyncio.create_task(finished(write()))
    await asyncio.sleep(0)
    writer.cancel()
    await asyncio.sleep(0)
    may_end.set()

    with pytest.raises(ValueError):  # noqa: PT011  (it has no words)
        await writer
