"""An agent that keeps failing is left out for a while, for all workers, and tried again by one run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from db.breakers import Breaking, broken_agents, note_agent, pass_breaker, reset_breaker
from db.epics import insert_epic
from db.runs import keep_run_order
from engine.breaker import AgentLeftOut
from engine.routing.orders import Ask
from engine.runs.orders import StartRun
from epics.callers import Caller, acting_as
from epics.roles import Grant, Role

pytestmark = pytest.mark.postgres

BARE = {
    **dict.fromkeys(("goal", "repo", "base", "base_commit"), "x"),
    **dict.fromkeys(("budget_usd", "executor", "model")),
    "autonomy": "ask",
    "auto_approve": False,
    "graph_version": 1,
}
TWICE = Breaking(failures=2, seconds=60)


@pytest.fixture
async def runs(database):
    """Makes runs of an agent by their bare rows: `await runs("parrot", 3)` returns their ids."""
    made = []

    async def make(agent, count):
        ids = [f"r-{len(made) + n:010d}" for n in range(count)]
        made.extend(ids)
        order = {"workflow": agent, "task": "x", "variables": {}, "revision": None, "start_commit": ""}
        for run in ids:
            await insert_epic(database.pool, {**BARE, "id": run}, hinted=False, within=lambda on, run: keep_run_order(on, run, order))
        return ids

    return make


@pytest.fixture
def ends(database):
    """Ends a run: `await ends(run, worked)`."""

    async def end(run, worked, breaking=TWICE):
        async with database.pool.connection() as connection, connection.transaction():
            await note_agent(connection, run, breaking, worked=worked, problem="it fell over")

    return end


@pytest.fixture
def pause_is_over(database):
    async def wait():
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE agent_breakers SET open_until = clock_timestamp() - interval '1 second'")

    return wait


async def test_it_is_left_out_after_so_many_failures_in_a_row_and_no_earlier(database, runs, ends):
    first, second, third, fourth = await runs("parrot", 4)

    await ends(first, worked=False)
    after_one = await pass_breaker(database.pool, "parrot", third)
    await ends(second, worked=True)
    await ends(third, worked=False)
    not_in_a_row = await pass_breaker(database.pool, "parrot", fourth)
    await ends(fourth, worked=False)
    left_out = await pass_breaker(database.pool, "parrot", first)

    assert (after_one, not_in_a_row) == (0, 0)
    assert 58 < left_out <= 60
    assert await pass_breaker(database.pool, "cat", first) == 0


async def test_of_many_that_come_after_the_pause_one_tries(database, runs, ends, pause_is_over):
    ids = await runs("parrot", 20)
    for run in ids[:2]:
        await ends(run, worked=False)
    await pause_is_over()

    waits = await asyncio.gather(*(pass_breaker(database.pool, "parrot", run) for run in ids))

    (probe,) = [run for run, wait in zip(ids, waits, strict=True) if wait == 0]
    assert all(0 < wait <= 15 for wait in waits if wait)
    # The same run, on another worker after a crash of the first, is the one that tries still.
    assert await pass_breaker(database.pool, "parrot", probe) == 0
    assert [row["probe"] for row in await broken_agents(database.pool)] == [probe]


async def test_a_try_that_works_ends_it_and_one_that_fails_doubles_the_pause(database, runs, ends, pause_is_over):
    first, second, third, fourth = await runs("parrot", 4)
    await ends(first, worked=False)
    await ends(second, worked=False)
    await pause_is_over()
    await pass_breaker(database.pool, "parrot", third)

    await ends(third, worked=False)
    again = await pass_breaker(database.pool, "parrot", fourth)
    await pause_is_over()
    await pass_breaker(database.pool, "parrot", fourth)
    await ends(fourth, worked=True)

    assert 118 < again <= 120
    assert await broken_agents(database.pool) == []


async def test_what_began_before_it_was_left_out_prolongs_nothing(database, runs, ends):
    first, second, third, fourth = await runs("parrot", 4)
    await ends(first, worked=False)
    await ends(second, worked=False)

    await ends(third, worked=False)

    assert 0 < await pass_breaker(database.pool, "parrot", fourth) <= 60


async def test_a_try_that_says_nothing_lets_the_next_run_try(database, runs, ends, pause_is_over):
    first, second, third, fourth = await runs("parrot", 4)
    await ends(first, worked=False)
    await ends(second, worked=False)
    await pause_is_over()
    await pass_breaker(database.pool, "parrot", third)

    await ends(third, worked=None)

    assert await pass_breaker(database.pool, "parrot", fourth) == 0


async def test_it_is_used_at_once_after_a_reset(database, runs, ends):
    first, second, third = await runs("parrot", 3)
    await ends(first, worked=False)
    await ends(second, worked=False)

    assert await reset_breaker(database.pool, "parrot")
    assert not await reset_breaker(database.pool, "parrot")
    assert await pass_breaker(database.pool, "parrot", third) == 0


async def test_none_is_left_out_where_that_is_switched_off(database, runs, ends):
    ids = await runs("parrot", 9)

    for run in ids:
        await ends(run, worked=False, breaking=Breaking(failures=0))

    assert await broken_agents(database.pool) == []


async def test_runs_that_fail_leave_their_workflow_out_and_a_queued_one_is_put_off_and_not_failed(engine_at, story, small_repo):
    script = story(document=[{"fail": "error", "say": "I fell over"}])
    engine = await engine_at(script, breaker_failures=2, breaker_seconds=60)
    order = StartRun(workflow="document", repo=str(small_repo), executor="scripted")
    queued = [(await engine.runs.start(order)).id for _ in range(3)]
    for run in queued[:2]:
        await engine.runs.advance(run)

    put_off = await engine.runs.advance(queued[2])
    with pytest.raises(AgentLeftOut, match=r"the agent document kept failing, the last time with: I fell over; it is tried again in"):
        await engine.runs.start(order)
    asked, _ = await engine.asks.ask(Ask(text="Update the README", repo=str(small_repo), executor="scripted"))

    assert put_off.status == "queued"
    assert put_off.retry_at is not None
    assert 0 < (put_off.retry_at - datetime.now(UTC)).total_seconds() <= 60
    (skipped,) = [each for each in asked.parts[0].skipped if each.agent == "document"]
    assert "kept failing" in skipped.why
    (row,) = await broken_agents(engine._installation.database.pool)
    assert (row["agent"], row["failures"], row["problem"]) == ("document", 2, "I fell over")
    # It may have failed on a repository that others may not read.
    with acting_as(Caller(person="olga", channel="http", grants=(Grant(role=Role.OPERATOR, repo=str(small_repo)),))):
        seen = {view.name: view.left_out for view in await engine.runs.workflows()}
        with pytest.raises(AgentLeftOut) as refused:
            await engine.runs.start(order)
    for told in (seen["document"], str(refused.value)):
        assert told.startswith("the agent document kept failing; it is tried again in")


async def test_a_repositorys_own_workflow_is_shown_as_left_out_there_and_nowhere_else(engine_at, story, small_repo, git):
    folder = small_repo / ".genie" / "agents" / "document"
    folder.mkdir(parents=True)
    (folder / "workflow.toml").write_text('description = "Writes."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60\n')
    (folder / "prompt.md").write_text("Do it\n")
    (folder / "allowed_tools.json").write_text("[]\n")
    git(small_repo, "add", "--all")
    git(small_repo, "commit", "--quiet", "--message", "A workflow of our own")
    engine = await engine_at(story(document=[{"fail": "error", "say": "I fell over"}]), breaker_failures=1)
    run = await engine.runs.start(StartRun(workflow="document", repo=str(small_repo), executor="scripted"))
    await engine.runs.advance(run.id)

    there, here = [{view.name: view.left_out for view in await engine.runs.workflows(repo)} for repo in (str(small_repo), None)]

    assert "I fell over" in there["document"]
    assert here["document"] == ""


async def test_a_run_that_meets_its_limit_of_money_says_nothing_about_its_agent(engine_at, story, small_repo):
    engine = await engine_at(story(document=[{"fail": "budget"}]), breaker_failures=1)

    run = await engine.runs.start(StartRun(workflow="document", repo=str(small_repo), executor="scripted"))
    ended = await engine.runs.advance(run.id)

    assert (ended.status, ended.ended_by) == ("failed", "budget")
    assert await broken_agents(engine._installation.database.pool) == []
