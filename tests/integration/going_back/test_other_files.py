"""Going back at a gate that asks about work on other files: nothing is merged that was not tested as it is."""

from __future__ import annotations

import pytest

from epics.going_back import Level


@pytest.mark.parametrize("level", [Level.SNAPSHOT, Level.STATE])
async def test_a_failure_gate_about_other_files_does_not_lead_past_the_tests(travel, story, level):
    fails = {"workflow": "document", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), autonomy="ask")
    assert (await epic.go("approve")).step == "failure_gate"
    gate = (await epic.engine.epic(epic.id)).moment
    planned = await epic.moment_after("architect")
    if level is Level.STATE:
        await epic.back(to=planned.n)
        view = (await epic.back(to=gate, level=level)).epic
    else:
        view = (await epic.back(to=planned.n, level=level)).epic

    assert view.step == "test"
    tested = await epic.resume()
    assert tested.step == "failure_gate"
    steps = [moment.step for moment in await epic.engine.moments(epic.id) if moment.n > view.moment]
    assert steps[0] == "test"
