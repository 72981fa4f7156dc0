"""An epic's past, read from a real engine: its moments, all that is known of one, and what changed between two."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.starting import StartEpic
from epics.errors import InvalidInput, MomentNotFound
from tests.integration.conftest import GOAL, Began

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def standing(bring, story):
    """An epic whose first implement attempt failed, and that is merged now."""
    learned = {
        "workflow": "implement",
        "when_brief_contains": "Begin with the file.",
        "turns": [{"write": {"greeting.txt": "hello\n"}}, {"output": {"summary": "Wrote the greeting."}}],
    }
    endless = {"workflow": "implement", "turns": [{"fail": "turns"}]}

    async def go(engine, repo):
        began = Began(engine=engine, id=(await engine.start(StartEpic(goal=GOAL, repo=str(repo), executor="scripted"))).id, repo=repo)
        await engine.advance(began.id)
        await began.decide("approve", comment="Go on.")
        await engine.advance(began.id)
        await began.decide("approve")
        assert (await engine.advance(began.id)).status == "merged"
        return began.id

    return bring(story(learned, endless), go)


@pytest.fixture
def merged(stood):
    return stood


async def test_moments_say_what_they_came_from_what_they_cost_and_who_decided(merged):
    moments = await merged.engine.moments(merged.id)

    assert [moment.parent for moment in moments] == [None, *(moment.n for moment in moments[:-1])]
    assert sum((moment.step_cost_usd for moment in moments), Decimal(0)) == moments[-1].cost_usd
    assert {moment.step: moment.decided_by for moment in moments if moment.decided_by} == {"plan_gate": "ann", "merge_gate": "ann"}


async def test_moments_come_in_pages_that_miss_nothing(merged):
    whole = await merged.engine.moments(merged.id)
    pages, cursor = [], None
    while not pages or cursor:
        page = await merged.engine.moment_page(merged.id, limit=3, cursor=cursor)
        pages.append(page.items)
        cursor = page.next

    assert tuple(moment for page in pages for moment in page) == whole
    assert {len(page) for page in pages[:-1]} == {3}


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "99999999999", "²"])
async def test_a_cursor_that_is_none_is_refused(merged, cursor):
    with pytest.raises(InvalidInput, match="is no cursor"):
        await merged.engine.moment_page(merged.id, cursor=cursor)


async def test_one_moment_is_shown_with_all_that_is_known_of_it(merged):
    moments = await merged.engine.moments(merged.id)
    written = next(moment for moment in moments if moment.step == "implement" and moment.outcome == "done")

    shown = await merged.engine.moment(merged.id, written.n)

    assert shown.state is not None
    assert (shown.state.step, shown.state.plan.summary, shown.state.design.title) == ("test", "A file that greets.", "Greet from a file")
    assert [(each.path, each.added, each.removed) for each in shown.files] == [("greeting.txt", 1, 0)]
    assert (shown.attempt_view.n, shown.attempt_view.files_changed) == (written.attempt, ("greeting.txt",))
    assert shown.children == (written.n + 1,)
    assert (shown.counts.moments_ever, shown.counts.rollbacks_ever) == (len(moments), 0)
    assert shown.counts.attempts_ever == max(moment.attempt or 0 for moment in moments)
    assert shown.state.failures == {"implement": 1}


async def test_a_gate_is_shown_with_what_was_asked_and_its_way_on_with_what_was_decided(merged):
    moments = await merged.engine.moments(merged.id)
    decided = next(moment.n for moment in moments if moment.step == "plan_gate")

    asked, led_on = await merged.engine.moment(merged.id, decided - 1), await merged.engine.moment(merged.id, decided)

    assert (asked.approval.gate, asked.decision) == ("plan_gate", None)
    assert (led_on.approval, led_on.decision.decided_by, led_on.decision.comment) == (None, "ann", "Go on.")


async def test_a_difference_has_the_state_and_the_files(merged):
    moments = await merged.engine.moments(merged.id)
    before, after = (
        next(each.n for each in moments if each.step == step and each.outcome == "done") for step in ("architect", "implement")
    )

    differs = await merged.engine.diff(merged.id, begin=before, end=after)

    changed = {change.field: (change.before, change.after) for change in differs.state}
    assert changed["step"] == ("plan_gate", "test")
    assert "plan" not in changed
    assert [file.path for file in differs.files] == ["greeting.txt"]


async def test_a_difference_from_the_beginning_has_the_whole_plan(merged):
    differs = await merged.engine.diff(merged.id, begin=0, end=1)

    assert {change.field: change.before for change in differs.state}["plan"] is None
    assert (differs.files, differs.diff) == ((), "")


async def test_what_was_pruned_is_said_to_be_gone_and_the_rest_is_shown(merged):
    await merged.rows(
        "DELETE FROM checkpoints WHERE thread_id = %s AND checkpoint_id IN (SELECT checkpoint_id FROM moments WHERE n = 2) RETURNING 1"
    )

    shown, differs = await merged.engine.moment(merged.id, 2), await merged.engine.diff(merged.id, begin=2)

    assert (shown.state, shown.step, differs.state) == (None, "architect", None)
    assert [file.path for file in differs.files] == ["greeting.txt"]


async def test_a_moment_that_is_not_there_is_named(merged):
    with pytest.raises(MomentNotFound, match="has no moment 99"):
        await merged.engine.moment(merged.id, 99)


async def test_a_moment_is_shown_without_its_files_while_its_repository_is_away(merged, tmp_path):
    written = next(moment.n for moment in await merged.engine.moments(merged.id) if moment.step == "implement" and moment.outcome == "done")
    merged.repo.rename(tmp_path / "moved")
    (tmp_path / "home" / "repos").rename(tmp_path / "mirrors")

    shown = await merged.engine.moment(merged.id, written)

    assert shown.files is None
    assert str(merged.repo) in shown.files_trouble
    assert (shown.state.step, shown.attempt_view.files_changed) == ("test", ("greeting.txt",))
