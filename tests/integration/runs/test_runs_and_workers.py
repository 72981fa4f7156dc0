"""Runs under leases: stopped and gone on with, cancelled at work, taken in turn, and kept from who is told of epics."""

from __future__ import annotations

import asyncio

import pytest

from db.leases import Admission, claim_epic
from engine.retention import RetentionPolicy
from engine.runs.orders import StartRun
from engine.starting import StartEpic
from epics.errors import Environment
from safety.master_keys import needs
from tests.fakes.git_server import GitServer
from tests.integration.durability.acting import Failing, Killed, Watched, on_executor, scripted
from tests.integration.durability.writing import HERE, until

pytestmark = pytest.mark.postgres

ADMISSION = Admission(most=10, executors=("scripted",), graph=99, state=99)


async def test_a_run_that_is_stopped_goes_on_with_its_recorded_turns(run_new, story, tmp_path):
    begun = tmp_path / "begun"
    log = tmp_path / "log"
    turns = [{"run": [f"echo one >> {log}"]}, {"run": [f"touch {begun}; sleep 1"]}]
    run = await run_new("implement", story(implement=turns), task="Greet people")
    task = asyncio.create_task(run.end())
    await until(begun.exists)

    task.cancel()
    await asyncio.wait({task})
    stopped = await run.engine.runs.show(run.id)
    view = await run.end()

    assert stopped.status == "queued"
    assert (view.status, view.turns) == ("done", 3)
    assert log.read_text() == "one\n"
    assert (await run.kinds()).count("attempt_started") == 1


async def test_a_run_at_work_is_cancelled_in_the_middle_of_a_command(run_new, story, tmp_path):
    begun, late = tmp_path / "begun", tmp_path / "late"
    turns = [{"run": [f"touch {begun}; sleep 2; touch {late}"]}]
    run = await run_new("implement", story(implement=turns), task="Greet people", lease_seconds=0.8)
    task = asyncio.create_task(run.end())
    await until(begun.exists)

    asked = await run.engine.runs.cancel(run.id, by="ann")
    view = await task

    assert asked.status in {"running", "cancelled"}
    assert (view.status, view.ended_by) == ("cancelled", None)
    assert (await run.kinds())[-1] == "run_ended"
    await asyncio.sleep(2)
    assert not late.exists()


async def test_an_attempt_that_has_ended_is_not_run_again_after_a_crash_before_the_end_of_its_run(run_new):
    run = await run_new("implement", task="Greet people")
    first = await run.end()
    async with run.engine._pool.connection() as connection:
        # As a kill between the two transactions leaves it.
        await connection.execute(b"UPDATE epics SET status = 'queued' WHERE id = %s", [run.id])
    watched = Watched(scripted(run.engine))

    view = await on_executor(run.engine, watched).runs.advance(run.id)

    assert (view.status, view.commit, watched.runs) == ("done", first.commit, [])


async def test_what_nobody_foresaw_fails_the_run_with_the_cause(run_new):
    run = await run_new("implement", task="Greet people")
    failing = on_executor(run.engine, Failing(scripted(run.engine), Killed("the disk is on fire")))

    view = await failing.runs.advance(run.id)

    assert (view.status, view.ended_by) == ("failed", None)
    assert "the disk is on fire" in view.error


@pytest.mark.parametrize(
    "trouble", [Environment("the disk is full"), needs("k-0123456789abcdef")], ids=["machine", "no key to a sealed journal"]
)
async def test_what_waiting_may_cure_puts_the_run_off_and_is_not_its_end(run_new, trouble):
    run = await run_new("implement", task="Greet people")
    failing = on_executor(run.engine, Failing(scripted(run.engine), trouble))

    put_off = await failing.runs.advance(run.id)
    view = await run.end()

    assert (put_off.status, put_off.error) == ("queued", str(trouble))
    assert put_off.retry_at is not None
    assert (view.status, view.error, view.turns) == ("done", "", 2)
    assert "run_postponed" in await run.kinds()


async def test_a_repository_that_is_gone_from_this_machine_ends_the_run(run_new):
    run = await run_new("implement", task="Greet people")
    run.repo.rename(run.repo.with_name("elsewhere"))

    view = await run.end()

    assert (view.status, "is gone: put it back" in view.error) == ("failed", True)


async def test_a_command_that_a_crash_cut_off_fails_the_run_where_its_workflow_asks_a_person(run_new, git, small_repo, story, tmp_path):
    folder = small_repo / ".genie" / "agents" / "implement"
    folder.mkdir(parents=True)
    limits = "[limits]\nturns = 9\nseconds = 60\n"
    (folder / "workflow.toml").write_text(f'description = "Writes."\noutput = "change_report"\non_crash = "park"\n{limits}')
    (folder / "prompt.md").write_text("Do {{ goal | fenced }}\n")
    (folder / "allowed_tools.json").write_text('["write_file", "run_command"]\n')
    git(small_repo, "add", "--all")
    git(small_repo, "commit", "--quiet", "--message", "A workflow of our own")
    begun = tmp_path / "begun"
    run = await run_new("implement", story(implement=[{"run": [f"touch {begun}; sleep 2"]}]), task="Greet people")
    task = asyncio.create_task(run.end())
    await until(begun.exists)
    task.cancel()
    await asyncio.wait({task})

    view = await run.end()

    assert view.status == "failed"
    assert "was cut off by a crash in turn 1, while it called run_command" in view.error
    assert view.error.endswith("start it again")


async def test_runs_and_epics_are_taken_in_the_order_in_which_they_came(run_new, small_repo):
    first = await run_new("review")
    epic = await first.engine.start(StartEpic(goal="Greet", repo=str(small_repo), executor="scripted"))
    last = await run_new("review")
    pool = first.engine._pool

    places = [(await first.engine.runs.show(first.id)).queue_place, (await first.engine.epic(epic.id)).queue_place]
    taken = [lease.thread_id for _ in range(3) if (lease := await claim_epic(pool, HERE, ADMISSION, seconds=60)) is not None]

    assert taken == [first.id, epic.id, last.id]
    assert places == [1, 2]


async def test_a_worker_of_an_older_release_leaves_runs_to_others(run_new):
    run = await run_new("review")

    async with run.engine._pool.connection() as connection:
        query = b"SELECT * FROM claim_epic(gen_random_uuid(), 'w', 'h', 1, '', 60, 10, ARRAY['scripted'], 99, 99, ARRAY[]::text[])"
        rows = await (await connection.execute(query)).fetchall()

    assert rows == []


async def test_whoever_is_told_of_epics_is_not_told_of_runs(run_new):
    run = await run_new("implement", task="Greet people")
    async with run.engine._pool.connection() as connection:
        await connection.execute(b"INSERT INTO webhooks (name, url, secret) VALUES ('all', 'https://example.org/', 'x')")

    assert (await run.end()).status == "done"

    async with run.engine._pool.connection() as connection:
        assert await (await connection.execute(b"SELECT topic FROM outbox")).fetchall() == []


async def test_the_journal_of_a_run_that_ended_is_pruned_and_its_result_stays(run_new):
    run = await run_new("implement", task="Greet people")
    before = await run.end()

    await run.engine.prune(RetentionPolicy(checkpoints_days=0, journal_days=0, events_days=0, keep=0), apply=True)

    after = await run.engine.runs.show(run.id)
    assert await run.engine.runs.log(run.id) == ()
    assert (after.output, after.commit, after.turns) == (before.output, before.commit, before.turns)


async def test_the_database_lets_no_epic_be_done(run_new, small_repo):
    run = await run_new("review")
    epic = await run.engine.start(StartEpic(goal="Greet", repo=str(small_repo), executor="scripted"))

    async with run.engine._pool.connection() as connection:
        with pytest.raises(Exception, match="epics_done_is_a_run"):
            await connection.execute(b"UPDATE epics SET status = 'done' WHERE id = %s", [epic.id])


@pytest.mark.slow
async def test_a_run_on_a_url_starts_from_a_branch_on_a_host_that_never_saw_the_repository(engine_at, story, small_repo, git, tmp_path):
    git(small_repo, "switch", "--quiet", "--create", "work")
    (small_repo / "lamp.txt").write_text("a lamp\n")
    git(small_repo, "add", "lamp.txt")
    git(small_repo, "commit", "--quiet", "--message", "Add a lamp")
    git(small_repo, "switch", "--quiet", "main")
    with GitServer(tmp_path / "served") as server:
        url = server.add(small_repo, "greetings.git")
        here, there = await engine_at(story(), home=tmp_path / "here"), await engine_at(story(), home=tmp_path / "there")
        asked = await here.runs.start(StartRun(workflow="implement", repo=url, at="work", task="Greet", executor="scripted"))

        view = await there.runs.advance(asked.id)

        assert (view.status, view.files_changed, view.unpublished) == ("done", ("greeting.txt",), "")
        served = server.folder / "greetings.git"
        assert git(served, "show", f"{view.branch}:lamp.txt") == "a lamp"
        assert git(served, "show", f"{view.branch}:greeting.txt") == "hello"
