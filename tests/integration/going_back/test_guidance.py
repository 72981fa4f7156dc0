"""Guidance that people or programs give when they go back: long and strange texts."""

from __future__ import annotations

import pytest

from epics.errors import InvalidInput

LONG = "Mind the gap. " * 1400


async def test_long_guidance_is_told_whole_also_where_it_proposes_a_revert(travel, story):
    epic = await travel(story())
    assert (await epic.go("approve", "approve")).status == "merged"

    view = (await epic.back(to=0, guidance=LONG)).epic

    assert view.step == "merge_gate"
    assert (await epic.resume("reject")).status == "merged"


@pytest.mark.parametrize("text", ["half \udce9 of a pair", "a NUL \0 within", "too long " * 3000], ids=["surrogate", "nul", "long"])
async def test_guidance_that_cannot_be_kept_is_refused_and_nothing_changes(travel, story, text):
    epic = await travel(story())
    before = await epic.go()

    with pytest.raises(InvalidInput, match="guidance"):
        await epic.back(to=1, guidance=text)
    with pytest.raises(InvalidInput, match="guidance"):
        await epic.fork(1, guidance=text)

    after = await epic.engine.epic(epic.id)
    assert (after.status, after.moment) == (before.status, before.moment)
    assert len((await epic.engine.epics()).items) == 1
