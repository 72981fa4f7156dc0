"""Each deed of a person leaves exactly one row, with who, what, on which and what came of it; the steps of an epic leave none."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from db.naming import name_moment
from engine.retention import RetentionPolicy
from engine.runs.orders import StartRun
from engine.starting import StartEpic
from engine.time_machine.orders import Fork, GoBack
from epics.access_errors import Forbidden
from epics.approvals import Choice, Decision
from epics.callers import Caller, acting_as
from epics.errors import AlreadyDecided, Conflict
from epics.roles import Grant, Role
from safety.master_keys import new_master_key

pytestmark = pytest.mark.postgres

POLICY = RetentionPolicy(checkpoints_days=30, journal_days=30, events_days=30, keep=100)


@pytest.fixture
def done(ann, written):
    """Does something as ann, and returns the rows that it left."""

    async def do(deed):
        before = len(await written())
        with acting_as(ann):
            await deed
        return await written(before)

    return do


def told(rows):
    return [(row["person"], row["via"], row["deed"], row["kind"], row["subject"], row["epic"], row["answer"]) for row in rows]


async def test_each_deed_at_an_epic_leaves_one_row_and_its_steps_leave_none(engine_at, story, small_repo, done):
    engine = await engine_at(story())
    (started,) = await done(engine.start(StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted", detached=False)))
    epic = started["subject"]
    approve = Decision(choice=Choice.APPROVE, by="ann", channel="cli", comment="go on")

    assert told([started]) == [("ann", "os:ann", "start", "epic", epic, epic, "done")]
    assert (started["repo"], started["data"]["yes"]) == (str(small_repo), False)
    assert told(await done(engine.advance(epic))) == []
    assert told(await done(engine.say(epic, "Be brief.", by="ann"))) == [("ann", "os:ann", "say", "epic", epic, epic, "done")]
    assert told(await done(name_moment(engine._pool, epic, 1, "planned", by="ann"))) == [
        ("ann", "os:ann", "mark", "epic", epic, epic, "done")
    ]
    assert told(await done(name_moment(engine._pool, epic, 1, "planned", by="ann"))) == []
    (approval,) = await engine.approvals(epic=epic)
    (decided,) = await done(engine.decide(epic, approve))
    assert told([decided]) == [("ann", "os:ann", "decide", "approval", approval.id, epic, "approve")]
    assert (decided["content_hash"], decided["data"]["gate"]) == (approval.content_hash, "plan_gate")
    assert "go on" not in str(decided)
    with pytest.raises(AlreadyDecided):
        await done(engine.decide(approval.id, approve))
    assert told(await done(engine.advance(epic))) == []
    assert told(await done(engine.roll_back(epic, GoBack(by="ann", to=2), dry_run=True))) == []
    assert told(await done(engine.roll_back(epic, GoBack(by="ann", to=2)))) == [("ann", "os:ann", "rollback", "epic", epic, epic, "done")]
    assert told(await done(engine.roll_back(epic, GoBack(by="ann", undo=True)))) == [("ann", "os:ann", "undo", "epic", epic, epic, "done")]
    assert told(await done(engine.resume(epic, by="ann"))) == [("ann", "os:ann", "resume", "epic", epic, epic, "done")]
    (forked,) = await done(engine.fork(epic, Fork(at=1, by="ann")))
    fork = forked["subject"]
    assert told([forked]) == [("ann", "os:ann", "fork", "epic", fork, fork, "done")]
    assert (forked["data"]["source"], forked["repo"]) == (epic, str(small_repo))
    assert told(await done(engine.cancel(fork, by="ann"))) == [("ann", "os:ann", "cancel", "epic", fork, fork, "asked")]
    with pytest.raises(Conflict):
        await done(engine.cancel(fork, by="ann"))
    check = await engine.audit.verify()
    assert check.rows == 9


async def test_other_deeds_leave_one_row_each(engine_at, story, small_repo, done, tmp_path):
    engine = await engine_at(story(), secret_key=new_master_key())
    asked = StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted")
    await done(engine.start_once(asked, "a key"))
    assert told(await done(engine.start_once(asked, "a key"))) == []
    (started,) = await done(engine.runs.start(StartRun(workflow="review", task="Look.", repo=str(small_repo), executor="scripted")))
    run = started["subject"]
    with (tmp_path / "history").open("wb") as target:
        assert told(await done(engine.keeping.export((await engine.epics()).items[0].id, target))) == []

    (imported,) = await done(engine.keeping.take_in(tmp_path / "history"))

    assert told([started]) == [("ann", "os:ann", "start", "run", run, run, "done")]
    assert told(await done(engine.runs.cancel(run, by="ann"))) == [("ann", "os:ann", "cancel", "run", run, run, "asked")]
    assert told([imported]) == [("ann", "os:ann", "import", "epic", imported["epic"], imported["epic"], "done")]
    (added,) = await done(engine.webhooks.add("https://127.0.0.1:9/secret-path", name="here", allow_private=True))
    assert (added["deed"], added["kind"], added["subject"]) == ("add", "webhook", "here")
    assert "secret-path" not in str(added)
    for deed, expected in (
        (engine.webhooks.resend_dead(), ("resend", "messages", "all", "done")),
        (engine.webhooks.remove("here"), ("remove", "webhook", "here", "done")),
        (engine.prune(POLICY, apply=True), ("prune", "database", "finished epics", "asked")),
        (engine.keeping.collect(older_than=timedelta(days=30), apply=True), ("collect", "database", "remains", "asked")),
    ):
        assert [(row["deed"], row["kind"], row["subject"], row["answer"]) for row in await done(deed)] == [expected]
    assert await done(engine.prune(POLICY, apply=False)) == []
    assert await done(engine.keeping.collect(older_than=timedelta(days=30))) == []
    await engine.audit.verify()


async def test_what_is_approved_in_advance_is_told_with_whose_word_it_goes_by(engine_at, story, small_repo, done):
    engine = await engine_at(story())
    asked = StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted", auto_approve=True)
    (started,) = await done(engine.start(asked))

    decided = await done(engine.advance(started["subject"]))

    assert (await engine.epic(started["subject"])).status == "merged"
    assert [(row["person"], row["channel"], row["deed"], row["data"]["gate"]) for row in decided] == [
        ("--yes", "auto", "decide", "plan_gate"),
        ("--yes", "auto", "decide", "merge_gate"),
    ]
    assert all(row["data"]["on_the_word_of"] == {"person": "ann", "row": started["n"]} for row in decided)
    assert all(len(row["content_hash"]) == 64 for row in decided)


async def test_the_steps_of_an_epic_do_not_wait_for_the_end_of_the_chain(engine_at, story, small_repo, database):
    engine = await engine_at(story())
    asked = StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted")
    at_work, other = (await engine.start(asked)).id, (await engine.start(asked)).id

    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT n FROM audit_head FOR UPDATE")
        deed = asyncio.create_task(engine.say(other, "Be brief.", by="ann"))
        async with asyncio.timeout(60):
            view = await engine.advance(at_work)
        told = deed.done()
    await deed

    assert (view.status, view.step) == ("waiting", "plan_gate")
    assert not told


async def test_what_is_refused_leaves_one_row_and_nothing_else(engine_at, story, small_repo, done, written):
    engine = await engine_at(story())
    asked = StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted")
    (started,) = await done(engine.start(asked))
    epic, last = started["subject"], started["n"]
    await engine.advance(epic)
    (approval,) = await engine.approvals(epic=epic)
    bob = Caller(person="bob", channel="http", via="key k-1", address="192.0.2.1", grants=(Grant(role=Role.VIEWER),))

    for deed in (
        engine.decide(epic, Decision(choice=Choice.APPROVE, by="bob", channel="http")),
        engine.start_once(asked, "a key"),
        engine.resume(epic, auto_approve=True),
        engine.runs.start(StartRun(workflow="review", task="Look.", repo=str(small_repo), executor="scripted")),
    ):
        with acting_as(bob), pytest.raises(Forbidden):
            await deed

    rows = await written(last)
    assert [(row["person"], row["via"], row["address"], row["answer"], row["refused"]) for row in rows] == [
        ("bob", "key k-1", "192.0.2.1", "forbidden", True)
    ] * 4
    assert [(row["deed"], row["kind"], row["subject"]) for row in rows] == [
        ("decide", "approval", approval.id),
        ("start", "epic", str(small_repo)),
        ("decide", "epic", epic),
        ("run", "run", "review"),
    ]
    assert (await engine.epic(epic)).status == "waiting"
    assert (await engine.audit.verify()).rows == last + 4
