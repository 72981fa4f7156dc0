"""Races: several attempts at one plan, side by side; the best is picked, by the rule or by a person, and the others stay."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from epics.callers import Caller, acting_as
from epics.errors import Conflict, InvalidInput
from epics.roles import Grant, Role
from tests.integration.going_back.conftest import through
from tests.integration.going_back.racing import WORK, Racer, file_at, until_rest, writing

GREETS = '[test]\ncommand = "grep -q hello greeting.txt"\n[limits]\nfix_rounds = 1\n'
ANN = Caller(person="ann", channel="cli", grants=(Grant(role=Role.ADMIN),))
TURN = Decimal("0.0081")
"""What one turn of a script costs, at least."""


FILES = {"README.md": "Greetings.\n", "genie.toml": GREETS}


@pytest.fixture
def small_repo(git_repo):
    return git_repo(FILES)


@pytest.fixture(scope="module")
def three(story):
    """Attempts 1 and 2 greet, 2 with more lines; 3 does not, whatever is fixed."""
    return story(*writing())


@pytest.fixture(scope="module")
def standing(bring, three):
    """An epic with three attempts whose plan is approved: the forks are made, and nothing else."""
    return bring(three, through("approve", attempts=3), FILES)


@pytest.fixture
def epic(traveller):
    """It."""
    return Racer(traveller)


@pytest.fixture
def race(travel, three):
    """Starts such an epic with another script, or asked for in another way."""

    async def start(script=None, **asked) -> Racer:
        epic = await travel(script or three, **{"attempts": 3, **asked})
        await epic.go("approve")
        return Racer(epic)

    return start


async def test_the_best_attempt_is_picked_by_the_rule_and_merged(epic):
    view = await until_rest(epic.engine, epic.id)

    shown = await epic.engine.race(epic.id)
    assert (view.status, view.step, view.race) == ("waiting", "merge_gate", "picked")
    assert [(entry.k, entry.rank, entry.score.passed, entry.status) for entry in shown.entries] == [
        (1, 1, True, "cancelled"),
        (2, 2, True, "cancelled"),
        (3, 3, False, "cancelled"),
    ]
    assert (shown.winner, shown.picked_by, shown.at_work) == (shown.entries[0].fork, "the rule", False)
    assert shown.entries[2].why[0] == "tests: failed"
    assert (await epic.go("approve")).status == "merged"
    assert file_at(epic.began.repo, "HEAD", "greeting.txt") == WORK[1]
    assert len(await epic.events("attempt_picked")) == 1
    picks = await epic.rows("SELECT person, data ->> 'by' AS by, content_hash FROM audit WHERE deed = 'pick' AND epic = %s")
    assert [(row["person"], row["by"]) for row in picks] == [("genie", "the rule")]
    assert picks[0]["content_hash"]


async def test_the_epic_has_the_attempts_of_what_was_picked_and_the_others_stay_as_they_are(epic):
    forks = [entry.fork for entry in (await epic.engine.race(epic.id)).entries]
    for fork in forks:
        await epic.engine.advance(fork)
    before = {fork: await epic.branches(fork) for fork in forks}
    winner = await epic.engine.attempts(forks[0])

    await epic.engine.advance(epic.id)

    assert {fork: await epic.branches(fork) for fork in forks} == before
    assert all(before.values())
    mine = await epic.engine.attempts(epic.id)
    assert [(each.n, each.step, each.commit, each.turns) for each in mine[: len(winner)]] == [
        (each.n, each.step, each.commit, each.turns) for each in winner
    ]
    picked = next(moment for moment in await epic.engine.moments(epic.id) if moment.outcome == "picked")
    assert picked.commit == (await epic.engine.epic(forks[0])).head
    assert file_at(epic.mirror, picked.branch, "greeting.txt") == WORK[1]
    texts = {
        row["text"]
        for row in await epic.rows(
            "SELECT b.text FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt WHERE a.n = 3 AND a.epic_id <> %s"
        )
    }
    assert len(texts) == 3
    after = await epic.rows(
        "SELECT b.text FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt"
        " WHERE a.workflow IN ('document', 'pr') AND a.epic_id = %s"
    )
    assert after
    assert not any("side by side" in row["text"] for row in after)


async def test_a_person_picks_another_than_the_best(race, small_repo):
    epic = await race(autonomy="ask")
    view = await until_rest(epic.engine, epic.id)
    assert (view.status, view.step, view.race) == ("paused", "implement", "running")
    assert "genie time pick" in view.problem
    assert [entry.rank for entry in (await epic.engine.race(epic.id)).entries] == [1, 2, 3]

    with acting_as(ANN):
        picked = await epic.engine.pick(epic.id, "2", by="ann")

    # The pick is hers; that the others end follows from it.
    told = await epic.rows("SELECT person, deed FROM audit WHERE deed IN ('pick', 'cancel') ORDER BY n")
    assert [(row["person"], row["deed"]) for row in told] == [("ann", "pick"), *[("genie", "cancel")] * 3]
    assert (picked.epic.status, picked.epic.step, picked.race.picked_by) == ("paused", "document", "ann")
    assert [entry.status for entry in picked.race.entries] == ["cancelled"] * 3
    with pytest.raises(Conflict, match="one of its attempts was picked already"):
        await epic.engine.pick(epic.id, picked.race.entries[0].fork, by="bob")
    assert (await epic.resume("approve")).status == "merged"
    assert file_at(small_repo, "HEAD", "greeting.txt") == WORK[2]


async def test_a_person_picks_before_all_are_done_and_the_others_end(race):
    epic = await race(autonomy="ask")
    first, second, _ = (entry.fork for entry in (await epic.engine.race(epic.id)).entries)
    await epic.engine.advance(second)

    picked = await epic.engine.pick(epic.id, second, by="ann")

    assert [entry.status for entry in picked.race.entries] == ["cancelled"] * 3
    assert (await epic.engine.epic(first)).step == "implement"
    assert (await epic.resume()).step == "merge_gate"


@pytest.mark.parametrize("autonomy, person", [("auto", False), ("ask", True)])
async def test_the_attempts_that_came_with_what_was_picked_are_those_before_the_next(race, autonomy, person):
    from db.analyses import attempt_before

    epic = await race(autonomy=autonomy)
    await until_rest(epic.engine, epic.id)
    if person:
        await epic.engine.pick(epic.id, "1", by="ann")

    before = await attempt_before(epic.engine._pool, epic.id, "implement")

    winner = (await epic.engine.race(epic.id)).winner
    [made] = [attempt for attempt in await epic.engine.attempts(winner) if attempt.step == "implement"]
    assert before is not None
    assert (before["attempt"], before["person"]) == (made.n, person)


async def test_where_none_passed_a_person_may_take_one_and_go_on_from_its_failure(race, story):
    epic = await race(story(*writing(2, {1: "goodbye\n", 2: "farewell\n"})), attempts=2)
    view = await until_rest(epic.engine, epic.id)
    assert (view.status, "none of 2 attempts passed" in view.problem) == ("paused", True)
    entries = (await epic.engine.race(epic.id)).entries
    assert {entry.status for entry in entries} == {"waiting"}

    await epic.engine.pick(epic.id, entries[1].fork, by="ann")

    view = await epic.resume()
    assert (view.status, view.step) == ("waiting", "failure_gate")
    approval = await epic.engine.approval(epic.id)
    assert approval.epic == epic.id
    await epic.began.decide("retry", comment="Say hello.")
    assert (await epic.go()).step in {"failure_gate", "merge_gate"}


async def test_an_attempt_that_a_person_helps_is_judged_again(race, story):
    good = {
        "workflow": "implement",
        "when_brief_contains": "Say hello.",
        "turns": [{"write": {"greeting.txt": "hello\n"}}, {"output": {"summary": "Hello."}}],
    }
    epic = await race(story(good, *writing(2, {1: "goodbye\n", 2: "farewell\n"})), attempts=2)
    await until_rest(epic.engine, epic.id)
    stuck = (await epic.engine.race(epic.id)).entries[1].fork

    await epic.decide_of(stuck, "rollback", comment="Say hello.", to=(await epic.engine.epic(epic.id)).moment)

    view = await until_rest(epic.engine, epic.id)
    assert (view.race, (await epic.engine.race(epic.id)).winner) == ("picked", stuck)
    assert view.step == "merge_gate"


async def test_forks_that_were_not_made_are_made_and_those_that_were_are_not_made_again(travel, three):
    from engine.lease_keeper import hold_epic

    epic = Racer(await travel(three, attempts=3))
    await epic.engine.advance(epic.id)
    await epic.began.decide("approve")
    installation = epic.engine._installation
    # A process that was killed has made one fork, and was at the second: it holds its lease.
    made = await epic.cut_after_first_fork()
    assert len(made) == 1
    async with hold_epic(installation.database, (await epic.engine.race(epic.id)).entries[1].fork, seconds=30):
        await epic.engine.advance(epic.id)
        assert await epic.forks() == made
        assert (await epic.engine.race(epic.id)).at_work

    await epic.engine.advance(epic.id)
    await epic.engine.advance(epic.id)

    assert len(await epic.forks()) == 3
    assert await epic.forks() == [entry.fork for entry in (await epic.engine.race(epic.id)).entries]
    assert (await until_rest(epic.engine, epic.id)).step == "merge_gate"
    assert len(await epic.forks()) == 3
    assert len(await epic.events("race_begun")) == 1


async def test_workers_alone_run_a_race_to_the_merge(travel, three):
    epic = Racer(await travel(three, attempts=3, auto_approve=True))
    stop = asyncio.Event()
    working = asyncio.create_task(epic.engine.work(stop, concurrency=3))
    try:
        async with asyncio.timeout(120):
            while (await epic.engine.epic(epic.id)).status != "merged":
                await asyncio.sleep(0.2)
            while any(entry.status != "cancelled" for entry in (await epic.engine.race(epic.id)).entries):
                await asyncio.sleep(0.2)
    finally:
        stop.set()
        await working

    assert len(await epic.events("attempt_picked")) == 1
    assert len(await epic.forks()) == 3


async def test_the_attempts_share_what_is_left_of_the_limit_and_count_against_it(race, story):
    # Plan and design cost two turns; each attempt then has a share of four, and needs four.
    epic = await race(story(*writing(2, WORK)), attempts=2, budget_usd=TURN * 10)
    shown = await epic.engine.race(epic.id)
    assert shown.share_usd == TURN * 4
    assert [(await epic.engine.epic(entry.fork)).budget_usd for entry in shown.entries] == [TURN * 4] * 2

    view = await until_rest(epic.engine, epic.id)

    # All is spent: the next call of the epic itself does not fit, though it made two only.
    assert (await epic.engine.race(epic.id)).attempts_cost_usd == TURN * 8
    assert (view.status, view.step, view.cost_usd) == ("waiting", "budget_gate", TURN * 2)
    spent = await epic.rows("SELECT sum(cost_usd) AS usd FROM calls")
    assert spent[0]["usd"] <= TURN * 10


async def test_an_epic_that_is_cancelled_takes_its_attempts_along(epic):
    view = await epic.engine.cancel(epic.id, by="ann", reason="No.")

    shown = await epic.engine.race(epic.id)
    assert (view.status, shown.state) == ("cancelled", "called_off")
    assert [entry.status for entry in shown.entries] == ["cancelled"] * 3


async def test_an_epic_that_is_taken_back_calls_its_race_off_and_goes_on_alone(epic):
    await epic.back(to=(await epic.moment_after("planning")).n)

    view = await epic.resume("approve")

    shown = await epic.engine.race(epic.id)
    assert (shown.state, [entry.status for entry in shown.entries]) == ("called_off", ["cancelled"] * 3)
    assert view.step in {"merge_gate", "failure_gate"}
    assert len(await epic.forks()) == 3


async def test_an_epic_that_is_resumed_while_its_attempts_work_waits_on(epic):
    view = await epic.resume()

    assert (view.status, view.step) == ("paused", "implement")
    assert len(await epic.forks()) == 3


async def test_resuming_the_epic_resumes_the_attempts_that_were_stopped(race):
    epic = await race(autonomy="ask")
    first, second, third = (entry.fork for entry in (await epic.engine.race(epic.id)).entries)
    await epic.engine.advance(first)
    await epic.stop(second, "its machine burned down")
    await epic.engine.advance(third)
    assert (await until_rest(epic.engine, epic.id)).problem.startswith("1 of 3 attempts passed")

    await epic.resume()

    entries = (await epic.engine.race(epic.id)).entries
    assert [(entry.status, entry.step) for entry in entries] == [
        ("paused", "document"),
        ("queued", "implement"),
        ("waiting", "failure_gate"),
    ]
    assert (await until_rest(epic.engine, epic.id)).problem.startswith("2 of 3 attempts passed")


async def test_what_cannot_be_raced_or_picked_is_said(race, travel, story):
    for attempts in (1, 9):
        with pytest.raises(InvalidInput, match="from 2 to 8"):
            await travel(story(), attempts=attempts)
    epic = await race()
    first = (await epic.engine.race(epic.id)).entries[0].fork
    with pytest.raises(Conflict, match="still at work"):
        await epic.engine.pick(epic.id, first, by="ann")
    with pytest.raises(InvalidInput, match="'7' is no attempt"):
        await epic.engine.pick(epic.id, "7", by="ann")
    with pytest.raises(Conflict, match="without --attempts"):
        await epic.engine.pick(first, "1", by="ann")
