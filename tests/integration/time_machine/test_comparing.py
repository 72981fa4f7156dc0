"""Two epics side by side: where they part, what each did since, and what came of it."""

from __future__ import annotations

import pytest

from engine.starting import StartEpic
from engine.time_machine.orders import Fork
from epics.errors import InvalidInput

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def standing(bring_to_merge, story):
    """A merged epic; whoever is told to greet in French writes something else."""
    french = {
        "workflow": "implement",
        "when_brief_contains": "Greet in French.",
        "turns": [{"write": {"greeting.txt": "bonjour\n"}}, {"output": {"summary": "Wrote it in French."}}],
    }
    return bring_to_merge(story(french))


@pytest.fixture
def source(stood):
    return stood


async def _fork(began, at, *, go=True, **asked):
    fork = await began.engine.fork(began.id, Fork(at=at, by="ann", **asked))
    if go:
        await began.engine.resume(fork.id, by="ann")
        await began.engine.advance(fork.id)
    return fork.id


async def test_a_fork_and_its_source_part_at_the_moment_of_the_fork(source):
    fork = await _fork(source, 3, guidance="Greet in French.")

    compared = await source.engine.compare(source.id, fork, with_diff=True)

    moments = await source.engine.moments(source.id)
    assert (compared.parting.epic, compared.parting.moment, compared.parting.commit) == (source.id, 3, moments[2].commit)
    assert [(file.path, file.added, file.removed) for file in compared.files] == [("greeting.txt", 1, 1)]
    assert "-hello" in compared.diff
    assert "+bonjour" in compared.diff
    left, right = compared.left, compared.right
    assert (left.status, right.status, right.forked_from, right.forked_at) == ("merged", "waiting", source.id, 3)
    assert left.moments == len(moments) - 3
    assert left.cost_usd == moments[-1].cost_usd - moments[2].cost_usd
    assert (right.cost_usd, left.total_usd) == (right.total_usd, moments[-1].cost_usd)
    assert {tally.step: tally.times for tally in left.steps}["implement"] == 1
    assert "planning" not in {tally.step for tally in (*left.steps, *right.steps)}
    assert left.attempts == len([moment for moment in moments if moment.n > 3 and moment.attempt])
    assert right.attempts == sum(tally.times for tally in right.steps)
    assert (left.tests.passed, left.review.verdict) == (True, "passed")
    assert "greeting.txt" in [file.path for file in left.changes]


async def test_the_order_in_which_two_are_named_is_that_of_the_answer(source):
    fork = await _fork(source, 3, go=False)

    compared = await source.engine.compare(fork, source.id)

    assert (compared.left.id, compared.right.id, compared.parting.moment, compared.diff) == (fork, source.id, 3, "")


async def test_two_forks_part_at_the_last_moment_that_both_took_over(source):
    early, late = await _fork(source, 2, go=False), await _fork(source, 5, go=False)

    compared = await source.engine.compare(late, early)

    assert (compared.parting.epic, compared.parting.moment) == (source.id, 2)


async def test_a_fork_of_a_fork_parts_from_the_first_where_it_left_it(source):
    child = await _fork(source, 4, go=False)
    began = (await source.engine.moments(child))[-1].n
    grandchild = (await source.engine.fork(child, Fork(at=began, by="ann"))).id
    early = (await source.engine.fork(child, Fork(at=2, by="ann"))).id

    assert (await source.engine.compare(source.id, grandchild)).parting.moment == 4
    assert (await source.engine.compare(early, source.id)).parting.moment == 2
    nearest = (await source.engine.compare(grandchild, child)).parting
    assert (nearest.epic, nearest.moment) == (child, began)


async def test_epics_that_have_nothing_in_common_are_counted_from_their_beginning(source):
    other = await source.engine.start(StartEpic(goal="Greet again", repo=str(source.repo), executor="scripted"))
    queued = await source.engine.compare(source.id, other.id)
    await source.engine.advance(other.id)

    compared = await source.engine.compare(source.id, other.id)

    assert (queued.parting, queued.right.moments, queued.right.tests, queued.right.steps) == (None, 0, None, ())
    assert compared.parting is None
    assert {tally.step for tally in compared.right.steps} == {"planning", "architect"}
    assert compared.left.cost_usd == compared.left.total_usd


async def test_what_cannot_be_compared_is_refused_in_a_sentence(source, git_repo):
    elsewhere = await source.engine.start(StartEpic(goal="Greet", repo=str(git_repo(name="elsewhere")), executor="scripted"))

    with pytest.raises(InvalidInput, match="is one epic"):
        await source.engine.compare(source.id, source.id)
    with pytest.raises(InvalidInput, match="only epics of one repository"):
        await source.engine.compare(source.id, elsewhere.id)
