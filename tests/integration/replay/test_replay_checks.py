"""Checks of histories: which epics in flight would break, what only words changed, and that what is gone is never called clean."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.time_machine.replay import Code
from engine.time_machine.replaying import Replaying
from epics.errors import HistoryPruned
from epics.steps import Step
from graphs.epic import NODES

pytestmark = pytest.mark.postgres

AGENTS = Path(__file__).parents[3] / "agents"


def checker(told: Any, **code: Any) -> Replaying:
    return Replaying(told.engine._installation, Code(**code))


async def breaks(state: Any, runtime: Any) -> Any:
    """A step as no release should have it."""
    del state, runtime
    message = "no more of this"
    raise ValueError(message)


async def test_an_epic_in_flight_that_would_break_is_named_and_an_ended_one_is_not(tell):
    told = await tell()
    await told.engine.advance(told.id)
    ended = await tell()
    await ended.engine.advance(ended.id)
    assert (await ended.decide("reject")).status == "rejected"

    same = await checker(told).check_all()
    broken = await checker(told, nodes={**NODES, Step.ARCHITECT: breaks}).check_all()
    next_one = await checker(told, nodes={**NODES, Step.PLAN_GATE: breaks}).check_all()

    assert same.breaking == ()
    assert [(item.epic, item.result, item.goes_on) for item in same.items] == [
        (told.id, "same", "would wait at plan_gate"),
        (ended.id, "same", ""),
    ]
    assert broken.breaking == (told.id,)
    assert [item.result for item in broken.items] == ["breaks", "breaks"]
    first = broken.items[0].differences[0]
    assert (first.moment, first.what, first.now) == (2, "the step architect", "no more of this")
    assert next_one.breaking == (told.id,)
    assert next_one.items[0].differences[0].what == "the next step, plan_gate"


async def test_another_prompt_is_told_and_breaks_nothing_unless_it_cannot_be_filled_in(tell, tmp_path):
    told = await tell()
    await told.engine.advance(told.id)
    prompt = tmp_path / "agents" / "planning" / "prompt.md"
    shutil.copytree(AGENTS / "planning", prompt.parent)
    prompt.write_text(prompt.read_text() + "\nBe bold.\n")
    told.engine = type(told.engine)(replace(told.engine._installation, agents_dir=tmp_path / "agents"))

    changed = await checker(told).check_all()
    prompt.write_text("{{ plan.nothing.more }}\n")
    broken = await checker(told).check_all()

    assert (changed.items[0].result, changed.breaking) == ("changed", ())
    assert [difference.kind for difference in changed.items[0].differences] == ["brief"]
    assert (broken.items[0].result, broken.breaking) == ("breaks", (told.id,))


async def test_a_history_that_was_pruned_is_never_called_clean(tell, database_url):
    told = await tell(auto_approve=True)
    assert (await told.to_the_end()).status == "merged"
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT updated_at FROM epics").fetchone()
        assert row is not None
        connection.execute("SELECT prune_epic(%s, ARRAY['journal'], %s, true)", [told.id, row[0]])

    told_without = await told.engine.replaying.replay(told.id)
    with pytest.raises(HistoryPruned, match="what its agents were asked and did were pruned"):
        await told.engine.replaying.replay(told.id, verify=True)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT prune_epic(%s, ARRAY['checkpoints'], %s, true)", [told.id, row[0]])
    with pytest.raises(HistoryPruned, match="its checkpoints were pruned"):
        await told.engine.replaying.replay(told.id)
    checked = await told.engine.replaying.check_all()

    assert told_without.pruned
    assert "the brief: it was pruned" in told_without.moments[0].unchecked
    assert checked.items[0].result == "not checked"
    assert "could not be checked" in checked.items[0].why


async def test_an_epic_whose_repository_is_gone_is_not_checked(tell):
    told = await tell()
    await told.engine.advance(told.id)
    shutil.rmtree(told.home / "repos")
    shutil.rmtree(told.repo)

    checked = await told.engine.replaying.check_all()

    assert checked.items[0].result == "not checked"
    assert checked.items[0].why
