"""Names of moments: one moment each, told by an event, and kept from retention."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def standing(bring_to_merge, story):
    """An epic that was merged, and has moments to name."""
    return bring_to_merge(story())


@pytest.fixture
def done(stood):
    return stood


async def _prune(epic):
    from engine.retention import RetentionPolicy

    await epic.rows("UPDATE epics SET updated_at = now() - interval '400 days' WHERE id = %s RETURNING id")
    return await epic.engine.prune(RetentionPolicy(checkpoints_days=90, journal_days=180, events_days=365, keep=1_000), apply=True)


async def test_a_name_stands_for_its_moment_and_a_number_for_itself(done):
    view = await done.engine.mark(done.id, 3, "before-work.1", by="ann")

    assert (view.n, view.name) == (3, "before-work.1")
    assert [await done.engine.moment_number(done.id, given) for given in ("before-work.1", "7", "0")] == [3, 7, 0]
    event = (await done.engine.events(done.id))[-1]
    assert event.type == "moment_named"
    assert event.data == {"moment": 3, "name": "before-work.1", "before": None, "by": "ann"}


async def test_a_name_that_is_not_there_is_said_to_be_so(done):
    from epics.errors import MomentNotFound

    for given in ("nothing", "-1", "Ünlikely", "", "99999999999"):
        with pytest.raises(MomentNotFound):
            await done.engine.moment_number(done.id, given)
    with pytest.raises(MomentNotFound):
        await done.engine.mark(done.id, 99, "far", by="ann")


async def test_naming_again_changes_nothing_and_another_name_takes_its_place(done):
    await done.engine.mark(done.id, 2, "good", by="ann")
    before = len(await done.engine.events(done.id))

    await done.engine.mark(done.id, 2, "good", by="bob")
    assert len(await done.engine.events(done.id)) == before
    assert (await done.engine.mark(done.id, 2, "better", by="bob")).name == "better"
    assert (await done.engine.mark(done.id, 2, None, by="bob")).name is None

    named = [event.data for event in await done.engine.events(done.id) if event.type == "moment_named"]
    assert [(data["before"], data["name"]) for data in named] == [(None, "good"), ("good", "better"), ("better", None)]


async def test_of_many_who_give_one_name_at_once_one_does(done):
    from epics.errors import Conflict

    given = await asyncio.gather(*(done.engine.mark(done.id, n, "best", by="ann") for n in (1, 2, 3, 4)), return_exceptions=True)

    losers = [error for error in given if isinstance(error, Conflict)]
    assert len(losers) == 3
    [winner] = [moment.n for moment in await done.engine.moments(done.id) if moment.name == "best"]
    assert all(f"moment {winner} " in str(error) for error in losers)


@pytest.mark.parametrize("name", ["", "12", "Upper", "two words", "-dash", "a/b", "x" * 65, "né", "a\nb", "a\0b"])
async def test_what_is_no_word_is_no_name(name, done):
    from epics.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cannot be the name"):
        await done.engine.mark(done.id, 1, name, by="ann")


async def test_a_named_moment_keeps_its_state_and_its_commits_when_its_epic_is_pruned(done):
    from db.packs import held_packs
    from db.reading import state_at

    await done.engine.mark(done.id, 3, "kept", by="ann")
    third = await done.engine.moment(done.id, 3)

    report = await _prune(done)

    assert report.kept.named_moments == 1
    assert (await state_at(done.engine._pool, done.id, third.checkpoint_id)).head == third.commit
    held = {pack.commit for pack in await held_packs(done.engine._pool, done.id)}
    assert {moment.commit for moment in await done.engine.moments(done.id)} <= held


async def test_a_moment_whose_state_was_pruned_takes_no_name_any_more(done):
    from epics.errors import HistoryPruned

    await _prune(done)

    with pytest.raises(HistoryPruned, match="moment 3"):
        await done.engine.mark(done.id, 3, "late", by="ann")
    last = (await done.engine.epic(done.id)).moment
    assert (await done.engine.mark(done.id, last, "newest", by="ann")).name == "newest"
    assert (await done.engine.mark(done.id, 3, None, by="ann")).name is None
