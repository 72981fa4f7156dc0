"""Conversations begun, listed, read, closed and forgotten, as the faces have them."""

from __future__ import annotations

import pytest

from epics.access_errors import Forbidden
from epics.agent_errors import SessionBusy, SessionNotFound
from epics.callers import Caller, acting_as
from epics.errors import Conflict, InvalidInput, WorkflowNotFound
from epics.roles import Grant, Role

pytestmark = pytest.mark.postgres

ADA = Caller(person="ada", channel="test", grants=(Grant(role=Role.OPERATOR),))
BOB = Caller(person="bob", channel="test", grants=(Grant(role=Role.OPERATOR),))


@pytest.fixture
async def engine(engine_at, story):
    return await engine_at(story())


async def test_a_session_is_found_by_its_id_a_beginning_of_it_and_its_name(engine):
    session = await engine.sessions.create("simple", name="my talk")

    assert [(await engine.sessions.show(given)).id for given in (session.id, session.id[:9], "my talk")] == [session.id] * 3


async def test_sessions_are_listed_the_newest_first_page_by_page_and_narrowed(engine, small_repo):
    made = [await engine.sessions.create("simple", name=name) for name in ("a", "b", "c")]
    here = await engine.sessions.create("simple", name="a", repo=str(small_repo))
    first = await engine.sessions.page(limit=3)
    rest = await engine.sessions.page(limit=3, cursor=first.next)

    assert [view.id for view in (*first.items, *rest.items)] == [here.id, *(each.id for each in reversed(made))]
    assert [view.id for view in (await engine.sessions.page(name="a", repo="")).items] == [made[0].id]
    assert [view.id for view in (await engine.sessions.page(repo=str(small_repo))).items] == [here.id]
    assert (await engine.sessions.page(status="closed")).items == ()


async def test_a_conversation_of_ones_own_is_there_for_its_person_and_an_admin_alone(engine):
    with acting_as(ADA):
        session = await engine.sessions.create("simple", name="mine")

    with acting_as(BOB):
        for asked in (engine.sessions.show, engine.sessions.messages, engine.sessions.remove, engine.sessions.close):
            with pytest.raises(SessionNotFound):
                await asked(session.id)
        assert (await engine.sessions.page()).items == ()
        assert (await engine.sessions.create("simple", name="mine")).id != session.id
    assert (await engine.sessions.show(session.id)).person == "ada"


async def test_a_conversation_about_a_repository_is_there_for_who_may_read_it(engine, small_repo):
    session = await engine.sessions.create("simple", repo=str(small_repo))
    elsewhere = Caller(person="ada", channel="test", grants=(Grant(role=Role.ADMIN, repo="/srv/other"),))
    there = Caller(person="bob", channel="test", grants=(Grant(role=Role.VIEWER, repo=str(small_repo)),))

    with acting_as(elsewhere), pytest.raises(SessionNotFound):
        await engine.sessions.show(session.id)
    with acting_as(there):
        assert (await engine.sessions.show(session.id)).repo == str(small_repo)
        with pytest.raises(Forbidden):
            await engine.sessions.create("simple", repo=str(small_repo))


async def test_a_name_is_taken_once_and_can_be_changed(engine):
    await engine.sessions.create("simple", name="one")
    two = await engine.sessions.create("simple", name="two")

    with pytest.raises(Conflict, match="has a session 'one' already"):
        await engine.sessions.create("simple", name="one")
    with pytest.raises(Conflict, match="has a session 'one' already"):
        await engine.sessions.rename(two.id, "one")
    assert (await engine.sessions.rename(two.id, "three")).name == "three"
    assert (await engine.sessions.rename(two.id, "three")).name == "three"


async def test_what_was_said_is_forgotten_with_the_session_and_its_runs_stay(engine, began, rows):
    from db.fence import fenced

    conversation = await began("talk")
    async with fenced(conversation._pool, conversation._lease) as connection:
        await conversation.keep(connection, [{"kind": "request", "parts": []}, {"kind": "response", "parts": []}], ask=1)
    await rows(
        "INSERT INTO memories (scope, session_id, name, value, updated_by) VALUES ('session', %s, 'a', 'b', 'ada')", conversation.session
    )
    with pytest.raises(SessionBusy):
        await engine.sessions.remove("talk")
    await rows("UPDATE epics SET status = 'done'")

    was = await engine.sessions.remove("talk")

    assert (was.messages, was.runs) == (2, 1)
    counted = "SELECT (SELECT count(*) FROM {}) AS n"
    left = [
        (await rows(counted.format(table)))[0]["n"] for table in ("sessions", "messages", "session_runs", "memories", "epics", "agents")
    ]
    assert left == [0, 0, 0, 0, 1, 1]
    [deed] = await rows("SELECT deed, kind, subject FROM audit WHERE deed = 'remove'")
    assert (deed["kind"], deed["subject"]) == ("session", was.id)


async def test_an_agent_takes_all_that_is_of_it_along_and_a_run_leaves_what_was_said(engine, began, rows):
    from db.fence import fenced

    conversation = await began("talk")
    async with fenced(conversation._pool, conversation._lease) as connection:
        await conversation.keep(connection, [{"kind": "request", "parts": []}, {"kind": "response", "parts": []}], ask=1)
    await engine.prompts.page(agent="simple")
    await rows("DELETE FROM leases")
    await rows("DELETE FROM epics")
    assert await rows("SELECT n, run_id FROM messages ORDER BY n") == [{"n": 1, "run_id": None}, {"n": 2, "run_id": None}]

    await rows("DELETE FROM agents")

    left = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM messages) + (SELECT count(*) FROM prompts) AS n"
    assert await rows(left) == [{"n": 0}]


async def test_messages_are_read_page_by_page_from_either_end_without_secrets(engine_at, story, began):
    from db.fence import fenced

    conversation = await began("talk")
    said = [{"kind": ("request", "response")[n % 2], "parts": [{"part_kind": "text", "content": f"{n} hunter2-hunter2"}]} for n in range(5)]
    async with fenced(conversation._pool, conversation._lease) as connection:
        await conversation.keep(connection, said, ask=1)
    engine = await engine_at(story(), anthropic_api_key="hunter2-hunter2")

    first = await engine.sessions.messages("talk", limit=3)
    rest = await engine.sessions.messages("talk", limit=3, cursor=first.next)
    back = await engine.sessions.messages("talk", limit=3, back=True)
    before = await engine.sessions.messages("talk", limit=3, back=True, cursor=back.next)

    assert [view.n for view in (*first.items, *rest.items)] == [1, 2, 3, 4, 5]
    assert [view.n for view in (*back.items, *before.items)] == [5, 4, 3, 2, 1]
    assert "hunter2" not in first.model_dump_json()


async def test_a_session_that_was_closed_can_be_opened_again(engine):
    session = await engine.sessions.create("simple")

    assert [(await deed(session.id)).status for deed in (engine.sessions.close, engine.sessions.reopen)] == ["closed", "open"]


@pytest.mark.parametrize("agent, error, said", [("review", InvalidInput, "is a workflow"), ("nobody", WorkflowNotFound, "no agent")])
async def test_conversations_are_held_with_agents_written_in_python(engine, agent, error, said):
    with pytest.raises(error, match=said):
        await engine.sessions.create(agent)


async def test_where_the_journal_is_sealed_so_is_what_is_said_and_a_new_key_opens_it(engine_at, story, began, rows):
    from db.fence import fenced
    from engine.sessions.conversation import OwnPrompt
    from safety.master_keys import new_master_key

    engine = await engine_at(story(), secret_key=new_master_key(), seal_journal=True)
    conversation = await began("talk")
    # As a worker's own: the fixtures open the database without keys.
    conversation._pool = engine._pool
    said = [{"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "a quiet word"}]}]
    async with fenced(engine._pool, conversation._lease) as connection:
        await conversation.keep(connection, said, ask=1)
    await conversation.filled_prompt(OwnPrompt(text="Be quiet.", variables={}), {})
    stored = "SELECT m.message::text || r.prompt AS text FROM messages m JOIN session_runs r USING (session_id)"
    before = (await rows(stored))[0]["text"]

    rotated = await engine.secrets.rotate(new=None, told=lambda *_: None)

    after = (await rows(stored))[0]["text"]
    assert before.count("gs1.") == after.count("gs1.") == 2
    assert before != after
    assert "quiet" not in before + after
    assert rotated.unreadable == ()
    assert await conversation.history(ask=2) == []
    assert (await engine.sessions.messages("talk")).items[0].message == said[0]


async def test_the_runs_of_a_conversation_of_ones_own_are_there_for_its_person_and_an_admin_alone(engine, start):
    from epics.errors import RunNotFound

    with acting_as(ADA):
        run, _ = await start("mine", repo="")
    about, _ = await start("shared")

    with acting_as(BOB):
        with pytest.raises(RunNotFound):
            await engine.runs.show(run)
        assert [view.id for view in (await engine.runs.page()).items] == [about]
    with acting_as(ADA):
        assert {view.id for view in (await engine.runs.page()).items} == {run, about}
    assert (await engine.runs.show(run)).id == run
