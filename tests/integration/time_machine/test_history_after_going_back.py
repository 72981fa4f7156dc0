"""The past of an epic that went back, undid it, and was forked, as it is read afterwards."""

from __future__ import annotations

import pytest

from cli.time_tree import tree
from engine.time_machine.orders import Fork, GoBack

pytestmark = [pytest.mark.postgres]


@pytest.fixture
async def travelled(begin):
    """An epic that waited at its plan, went on to its merge gate, and went back to the plan."""
    began = await begin()
    await began.engine.advance(began.id)
    await began.decide("approve")
    assert (await began.engine.advance(began.id)).status == "waiting"
    await began.engine.roll_back(began.id, GoBack(by="grace", to=2, guidance="Greet in French."))
    return began


def lanes(moments):
    return [f"{row.lanes} {row.moment.n}" if row.moment else row.lanes for row in tree(moments)]


async def test_a_rollback_has_the_moment_it_went_back_to_for_its_parent(travelled):
    moments = await travelled.engine.moments(travelled.id)

    last = moments[-1]
    assert (last.outcome, last.parent, last.back_to, last.decided_by) == ("rolled_back", 2, 2, "grace")
    assert lanes(moments)[:5] == ["● 1", "● 2", "├─╮", "│ ○ 3", "│ ○ 4"]
    assert lanes(moments)[-1] == f"● {last.n}"


async def test_an_undo_leads_back_to_the_moment_that_was_left(travelled):
    left = (await travelled.engine.moments(travelled.id))[-2]
    await travelled.engine.roll_back(travelled.id, GoBack(by="ann", undo=True))

    moments = await travelled.engine.moments(travelled.id)

    assert (moments[-1].parent, moments[-1].outcome) == (left.n, "rolled_back")
    drawn = {row.moment.n: row.is_present for row in tree(moments) if row.moment}
    assert [n for n, is_present in drawn.items() if not is_present] == [moments[-2].n]


async def test_going_back_to_the_beginning_has_a_place_in_the_tree(travelled):
    await travelled.engine.roll_back(travelled.id, GoBack(by="ann", to=0))

    moments = await travelled.engine.moments(travelled.id)

    assert (moments[-1].parent, moments[-1].back_to) == (0, 0)
    assert lanes(moments)[:3] == ["●", "├─╮", "│ ○ 1"]
    shown = await travelled.engine.moment(travelled.id, moments[-1].n)
    assert (shown.files, shown.files_trouble) == ((), "")


async def test_a_moment_tells_of_the_rollbacks_that_touched_it_and_of_what_came_of_it(travelled):
    moments = await travelled.engine.moments(travelled.id)
    back, left = moments[-1], moments[-2]

    shown = [await travelled.engine.moment(travelled.id, n) for n in (2, left.n, back.n, 3)]

    assert shown[0].children == (3, back.n)
    one = shown[0].rollbacks[0]
    assert (one.moment, one.to, one.before, one.by, one.guidance) == (back.n, 2, left.n, "grace", "Greet in French.")
    assert [each.rollbacks for each in shown] == [(one,), (one,), (one,), ()]


async def test_what_caps_loops_begins_again_and_what_was_counted_for_ever_goes_on(begin, story):
    endless = {"workflow": "implement", "turns": [{"fail": "turns"}]}
    began = await begin(story(endless))
    await began.engine.advance(began.id)
    await began.decide("approve")
    assert (await began.engine.advance(began.id)).step == "failure_gate"
    failed = (await began.engine.moments(began.id))[-1]
    before = await began.engine.moment(began.id, failed.n)

    await began.engine.roll_back(began.id, GoBack(by="ann", to=3))

    after = await began.engine.moment(began.id, failed.n + 1)
    assert (before.state.failures, after.state.failures) == ({"implement": 3}, {})
    assert (before.counts.rollbacks_ever, after.counts.rollbacks_ever) == (0, 1)
    assert after.counts.moments_ever == before.counts.moments_ever + 1 == failed.n + 1
    assert after.counts.attempts_ever >= before.counts.attempts_ever


async def test_a_fork_says_whose_it_is_and_its_source_what_was_forked_from_it(travelled):
    fork = await travelled.engine.fork(travelled.id, Fork(at=4, by="grace"))

    moments, theirs = await travelled.engine.moments(travelled.id), await travelled.engine.moments(fork.id)

    assert (fork.forked_from, fork.forked_at) == (travelled.id, 4)
    assert {moment.n: moment.forks for moment in moments if moment.forks} == {4: (fork.id,)}
    assert [moment.n for moment in theirs] == [1, 2, 3, 4, 5]
    assert (theirs[-1].outcome, theirs[-1].parent, theirs[-1].decided_by) == ("forked", 4, "grace")
    assert [moment.step_cost_usd for moment in theirs] == [None, None, None, None, 0]
    assert theirs[2].decided_by == "ann"
