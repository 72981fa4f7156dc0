"""Work that is cancelled as it begins leaves no lease behind, which would keep the epic from everybody until it ends."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.slow

HELD = "SELECT 1 AS one FROM leases WHERE thread_id = %s AND token IS NOT NULL AND expires_at > clock_timestamp()"


async def test_an_advance_that_is_cancelled_as_it_takes_the_lease_gives_it_back(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)
    left = []

    for number in range(60):
        advancing = asyncio.create_task(epic.engine.advance(epic.id))
        await asyncio.wait({advancing}, timeout=number / 6_000)
        advancing.cancel()
        await asyncio.wait({advancing})
        left += await epic.rows(HELD)

    assert left == []
