"""A model that repeats its mistakes needs fewer attempts where it remembers, and as many as ever where it does not."""

from __future__ import annotations

import pytest

from tests.fakes.repeating import remember, took, without_memory

pytestmark = pytest.mark.postgres


async def test_the_second_epic_needs_fewer_attempts_and_without_memory_as_many(engine_at, story, small_repo):
    engine = await engine_at(story())

    first = await took(engine, str(small_repo), 1)
    await remember(engine)
    second = await took(engine, str(small_repo), 2)
    without = await took(without_memory(engine), str(small_repo), 3)

    assert (first.of["architect"], first.of["implement"]) == (without.of["architect"], without.of["implement"]) == (2, 2)
    assert (second.of["architect"], second.of["implement"]) == (1, 1)
    assert second.attempts < first.attempts == without.attempts
