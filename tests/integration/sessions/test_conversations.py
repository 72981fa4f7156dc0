"""A run's part in a conversation: what it is told, what was said before, and what it adds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epics.agent_errors import MissingVariable, SessionBusy, SessionNotFound
from epics.callers import Caller, acting_as
from epics.errors import Conflict, InvalidInput, LeaseLost
from epics.roles import Grant, Role

pytestmark = pytest.mark.postgres

ADA = Caller(person="ada", channel="test", grants=(Grant(role=Role.OPERATOR),))
BOB = Caller(person="bob", channel="test", grants=(Grant(role=Role.OPERATOR),))


def said(text: str, answer: str) -> list[dict[str, Any]]:
    return [
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": text}], "instructions": "Be kind.", "number": 1.0},
        {"kind": "response", "parts": [{"part_kind": "text", "content": answer}]},
    ]


def own(text: str, **variables: str) -> Any:
    from engine.sessions.conversation import OwnPrompt

    return OwnPrompt(text=text, variables=variables)


async def kept(conversation: Any, messages: list[dict[str, Any]], *, ask: int = 1) -> int:
    from db.fence import fenced

    async with fenced(conversation._pool, conversation._lease) as connection:
        return int(await conversation.keep(connection, messages, ask=ask))


async def ended(rows: Any, conversation: Any) -> str:
    await rows("UPDATE epics SET status = 'done' WHERE id = %s", conversation._lease.thread_id)
    return str(conversation.session)


async def test_what_was_said_is_kept_to_the_letter_and_told_to_the_next_run(began, rows):
    first = await began()
    messages = said("A NUL \0, half a pair \ud800, and ünïcode", "Yes")

    assert await kept(first, messages) == 2
    second = await began(await ended(rows, first))

    assert await second.history(ask=1) == messages
    assert await first.history(ask=1) == []


async def test_an_ask_is_kept_once_and_the_next_one_is_told_of_it(began, rows):
    conversation = await began()

    added = [
        await kept(conversation, said("One", "1")),
        await kept(conversation, said("One", "1")),
        await kept(conversation, said("Two", "2"), ask=2),
    ]

    assert added == [2, 0, 2]
    assert [row["n"] for row in await rows("SELECT n FROM messages ORDER BY n")] == [1, 2, 3, 4]
    assert await conversation.history(ask=2) == said("One", "1")
    assert await conversation.history(ask=3) == said("One", "1") + said("Two", "2")
    events = await rows("SELECT type, data FROM events WHERE type = 'messages_kept' ORDER BY n")
    assert [event["data"]["ask"] for event in events] == [1, 2]


async def test_a_worker_that_lost_the_run_keeps_nothing(began, rows):
    conversation = await began()
    await rows("UPDATE leases SET epoch = epoch + 1")

    with pytest.raises(LeaseLost):
        await kept(conversation, said("One", "1"))

    assert await rows("SELECT n FROM messages") == []


async def test_a_long_conversation_is_told_within_the_budget_with_a_word_about_the_rest(began, rows):
    session = None
    for number in range(6):
        conversation = await began(session)
        await kept(conversation, said(f"Question {number} " + "x" * 1_500, "y" * 1_500))
        session = await ended(rows, conversation)

    last = await began(session, tokens=2_400)
    told = await last.history(ask=1)

    assert "Question 3" in told[0]["parts"][0]["content"]
    assert [message["parts"][-1].get("content", "")[:10] for message in told if message["kind"] == "request"] == [
        "Question 4",
        "Question 5",
    ]


async def test_a_prompt_is_filled_in_once_for_each_run_though_memories_change_meanwhile(began, rows):
    await began("talk")
    await rows("UPDATE epics SET status = 'done'")
    await rows("INSERT INTO memories (scope, name, value, updated_by) VALUES ('installation', 'tone', 'kindly', 'ada')")
    conversation = await began("talk")

    first = await conversation.filled_prompt(own("Answer {{ tone }}, {{ name }}.", name="you"), {})
    await rows("UPDATE memories SET value = 'rudely'")
    await rows("UPDATE leases SET token = NULL")
    again = await began(run=conversation._lease.thread_id)

    assert first.text == "Answer kindly, you."
    assert await again.filled_prompt(own("Something else."), {}) == first
    assert (first.version, first.memories) == (1, ({"name": "tone", "scope": "installation"},))
    [event] = await rows("SELECT data FROM events WHERE type = 'prompt_filled'")
    assert event["data"] | {"session": ""} == {
        "version": 1,
        "status_key": "default",
        "memories": [{"name": "tone", "scope": "installation"}],
        "session": "",
    }


async def test_the_memory_nearest_to_the_conversation_fills_in_the_prompt(began, rows):
    conversation = await began("talk")
    session = conversation.session
    keys = {"installation": {}, "project": {"repo": "/srv/shop"}, "agent": {"agent": "simple"}, "session": {"session_id": session}}
    names = {"installation": "abcd", "project": "bcd", "agent": "cd", "session": "d"}
    for scope, owner in keys.items():
        for name in names[scope]:
            column = next(iter(owner), "repo")
            await rows(
                f"INSERT INTO memories (scope, {column}, name, value, updated_by) VALUES (%s, %s, %s, %s, 'ada')",
                *(scope, owner.get(column), name, scope),
            )
    await rows("INSERT INTO memories (scope, repo, name, value, updated_by) VALUES ('project', '/srv/other', 'a', 'other', 'ada')")

    filled = await conversation.filled_prompt(
        own("{{a}} {{b}} {{c}} {{d}} {{e}} {{f}}", a="default", e="default"), {"f": "given", "d2": ""}
    )

    assert filled.text == "installation project agent session default given"


async def test_all_variables_come_from_one_query(began, database_url):
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

    from db.connection import CONNECTION_KWARGS, Pool

    asked: list[bytes] = []

    class Counted(AsyncConnection[DictRow]):
        async def execute(self, query: Any, *arguments: Any, **more: Any) -> Any:
            asked.append(query)
            return await super().execute(query, *arguments, **more)

    conversation = await began()
    async with Pool(database_url, open=False, connection_class=Counted, kwargs=CONNECTION_KWARGS, min_size=1) as pool:
        conversation._pool = pool
        await conversation.filled_prompt(own("{{a}}{{b}}{{c}}{{d}}", a="1", b="2", c="3", d="4"), {})

    assert len([query for query in asked if b"FROM memories" in query]) == 1


async def test_a_variable_that_nothing_gives_is_named(began):
    conversation = await began()

    with pytest.raises(MissingVariable, match="needs 'language'"):
        await conversation.filled_prompt(own("In {{ language }}."), {})


async def test_a_session_has_one_run_at_a_time(began, start, rows):
    conversation = await began()

    with pytest.raises(SessionBusy, match=conversation._lease.thread_id):
        await start(conversation.session)

    assert await rows("SELECT count(*) FROM epics") == [{"count": 1}]
    await start(await ended(rows, conversation))


async def test_of_two_runs_that_join_at_once_one_is_refused(start, rows):
    _, session = await start("talk")
    await rows("UPDATE epics SET status = 'done'")

    came = await asyncio.gather(*(start(session) for _ in range(6)), return_exceptions=True)

    assert [type(each) for each in came if isinstance(each, Exception)] == [SessionBusy] * 5


async def test_a_name_begins_a_session_and_goes_on_with_it(start, rows):
    ids = []
    for asked in ({}, {}, {"repo": "/srv/other"}, {"agent": "other"}):
        ids.append((await start("my talk", **asked))[1])
        await rows("UPDATE epics SET status = 'done'")

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_names_that_begin_at_once_begin_one_session(start):
    came = await asyncio.gather(*(start("talk") for _ in range(5)), return_exceptions=True)

    assert len([each for each in came if isinstance(each, SessionBusy)]) == 4


async def test_a_conversation_about_no_repository_is_its_persons_own(start, rows):
    with acting_as(ADA):
        _, session = await start("talk", repo="")
    await rows("UPDATE epics SET status = 'done'")

    with acting_as(BOB):
        with pytest.raises(SessionNotFound):
            await start(session, repo="")
        _, other = await start("talk", repo="")
    await rows("UPDATE epics SET status = 'done'")
    # Genie itself administers everything.
    _, seen = await start(session, repo="")

    assert other != session
    assert seen == session


@pytest.mark.parametrize(
    "asked, said",
    [({"agent": "other"}, "is a conversation with simple"), ({"repo": ""}, "is about /srv/shop, not about none")],
    ids=["agent", "repository"],
)
async def test_a_run_joins_only_a_session_that_is_about_the_same(start, rows, asked, said):
    _, session = await start()
    await rows("UPDATE epics SET status = 'done'")

    with pytest.raises(InvalidInput, match=said):
        await start(session, **asked)


async def test_a_closed_session_takes_no_run(start, rows):
    _, session = await start()
    await rows("UPDATE epics SET status = 'done'")
    await rows("UPDATE sessions SET status = 'closed'")

    with pytest.raises(Conflict, match="is closed"):
        await start(session)


@pytest.mark.parametrize("name", ["", " ", "-x", "s-0123456789", "a\nb", "x" * 81], ids=["empty", "space", "dash", "id", "lines", "long"])
async def test_a_name_that_cannot_be_told_from_an_id_or_read_in_a_list_is_refused(start, name):
    with pytest.raises((InvalidInput, SessionNotFound)):
        await start(name)
