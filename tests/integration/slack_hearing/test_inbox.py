"""What is kept before Slack hears that it came: done once, by whoever finds it, and not acknowledged where it cannot be kept."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlencode

import pytest

from tests.fakes.slack.workspace import BOT_TOKEN, BOT_USER, TEAM
from tests.integration.durability.writing import break_once
from tests.integration.slack_hearing.conftest import _people, signed

pytestmark = pytest.mark.postgres

DECIDED = "SELECT 1 FROM approvals WHERE decision IS NOT NULL"
ROWS = "SELECT kind, payload, tries, done_at IS NOT NULL AS done, dead_at IS NOT NULL AS dead FROM slack_inbox"
TEXT = "Call it greet, :smile:"


@pytest.fixture
async def servers(slack):
    """Makes what several servers on the same engine do with what was kept; they listen to nothing."""
    from contextlib import AsyncExitStack

    from pydantic import SecretStr

    from api.slack.app import slack_app
    from api.slack.client import open_client
    from api.slack.desk import Desk
    from api.slack.inbox import Inbox
    from config.settings import Settings

    async with AsyncExitStack() as stack:

        async def make(engine, count=1):
            await _people(engine)
            client = await stack.enter_async_context(open_client(SecretStr(BOT_TOKEN), slack.api_url))
            made = []
            for _ in range(count):
                desk = Desk(engine, Settings.model_validate({"executor": "scripted"}), client, TEAM)
                inbox = Inbox(desk)
                slack_app(desk, inbox, BOT_USER)
                made.append((desk, inbox))
            return made

        yield make


def said(slack, epic: str, text: str = TEXT, user: str = "U0OLGA"):
    """A command that says something to an epic, as it is kept."""
    from api.slack.desk import Wanted
    from api.slack.inbox import Kind, Received
    from api.slack.sender import Sender
    from db.hooks import Delivery

    return Received(
        kind=Kind.COMMAND,
        sender=Sender(team=TEAM, user=user, channel="C0GENERAL", response_url=slack.response_url(user, "C0GENERAL")),
        wanted=Wanted(deed="say", kind="command", subject=""),
        delivery=Delivery(source=f"slack/{TEAM}", id="1.2.3", signed="1.2.3"),
        content={"text": f"say {epic} {text}", "place": None},
    )


async def left(engine, received) -> None:
    """Keep something, as a server did that died a moment later and long ago."""
    payload = json.dumps(received.model_dump(mode="json"))
    assert await engine.slack.inbox.keep(received.key, received.kind, payload, seconds=-1)


async def look(*made) -> None:
    """Let servers look at the same time for what nobody is at, and do it."""
    await asyncio.gather(*(inbox.look() for _, inbox in made))
    for desk, _ in made:
        await desk.finish(within_s=20)


async def test_what_is_done_is_kept_without_what_it_was_and_is_not_done_when_it_comes_again(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)
    approval, card = await office.card(at_plan_gate.id)
    pressed = {"value": f"{approval.id}:{approval.content_hash}", "block": f"gate:{approval.id}", "message": card, "trigger": "1.2.3"}

    for _ in range(2):
        await asyncio.to_thread(office.person().press, "genie_approve", **pressed)
        await office.until_row(lambda: at_plan_gate.rows(f"{ROWS} WHERE done_at IS NOT NULL"), "it is done")

    assert await at_plan_gate.rows(ROWS) == [{"kind": "click", "payload": "", "tries": 1, "done": True, "dead": False}]
    assert len(await at_plan_gate.rows(DECIDED)) == 1
    assert office.slack.told("U0ANNA") == []


async def test_what_only_asks_or_opens_a_form_is_not_kept(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)

    await office.press(at_plan_gate.id, "changes")
    await office.until(lambda: bool(office.slack.workspace.views), "a modal is open")
    for typed in ("status", "help", "whoami", "approvals"):
        await asyncio.to_thread(office.person().command, typed)
    await asyncio.to_thread(office.person().mention, "status")
    await office.told("U0ANNA", "You are anna")

    assert await at_plan_gate.rows(ROWS) == []


async def test_what_a_dead_server_left_is_done_by_one_of_those_that_live(at_plan_gate, servers, slack):
    made = await servers(at_plan_gate.engine, 3)
    await left(at_plan_gate.engine, said(slack, at_plan_gate.id))

    await look(*made)
    await look(*made)

    assert await at_plan_gate.rows("SELECT text, said_by FROM sayings") == [{"text": TEXT, "said_by": "olga"}]
    assert await at_plan_gate.rows(ROWS) == [{"kind": "command", "payload": "", "tries": 2, "done": True, "dead": False}]
    assert len(slack.told("U0OLGA")) == 1


async def test_a_deed_that_was_done_just_before_its_server_died_is_not_done_again(at_plan_gate, servers, slack):
    made = await servers(at_plan_gate.engine)
    received = said(slack, at_plan_gate.id)
    await left(at_plan_gate.engine, received)
    await look(*made)
    await at_plan_gate.rows("DELETE FROM slack_inbox RETURNING 1")
    await left(at_plan_gate.engine, received)

    await look(*made)

    assert len(await at_plan_gate.rows("SELECT 1 FROM sayings")) == 1
    assert [row["done"] for row in await at_plan_gate.rows(ROWS)] == [True]


async def test_what_waiting_can_cure_is_tried_again_and_the_person_is_told_once(at_plan_gate, servers, slack):
    made = await servers(at_plan_gate.engine)
    ((desk, inbox),) = made
    await break_once(at_plan_gate.engine._pool, "sayings", "true")

    await inbox.take(said(slack, at_plan_gate.id))
    await desk.finish(within_s=20)
    first, told = await at_plan_gate.rows("SELECT 1 FROM sayings"), slack.told("U0OLGA")
    await at_plan_gate.rows("UPDATE slack_inbox SET claimed_until = '-infinity' RETURNING 1")
    await look(*made)

    assert first == []
    assert len(told) == 1
    assert "It is kept, and tried again by itself" in told[0]
    assert await at_plan_gate.rows("SELECT text FROM sayings") == [{"text": TEXT}]
    assert await at_plan_gate.rows(ROWS) == [{"kind": "command", "payload": "", "tries": 2, "done": True, "dead": False}]


async def test_what_was_tried_enough_is_given_up_and_the_person_hears_of_it(at_plan_gate, servers, slack):
    made = await servers(at_plan_gate.engine)
    await left(at_plan_gate.engine, said(slack, at_plan_gate.id))
    await at_plan_gate.rows("UPDATE slack_inbox SET tries = 10 RETURNING 1")

    await look(*made)

    assert [row["dead"] for row in await at_plan_gate.rows(ROWS)] == [True]
    assert await at_plan_gate.rows("SELECT 1 FROM sayings") == []
    (told,) = slack.told("U0OLGA")
    assert "could not be done" in told


@pytest.mark.parametrize("tries, dead", [pytest.param(1, False, id="once"), pytest.param(2, True, id="again")])
async def test_what_waited_for_an_hour_is_given_up_only_if_it_was_tried_again(at_plan_gate, servers, slack, tries, dead):
    made = await servers(at_plan_gate.engine)
    await left(at_plan_gate.engine, said(slack, at_plan_gate.id))
    await at_plan_gate.rows(f"UPDATE slack_inbox SET tries = {tries}, received_at = now() - interval '61 minutes' RETURNING 1")

    await look(*made)

    assert [(row["done"], row["dead"]) for row in await at_plan_gate.rows(ROWS)] == [(not dead, dead)]


async def test_what_is_kept_is_sealed_where_there_is_a_key_and_another_server_with_it_does_it(engine_at, story, small_repo, servers, slack):
    from engine.starting import StartEpic
    from safety.master_keys import new_master_key

    engine = await engine_at(story(), secret_key=new_master_key())
    made = await servers(engine)
    epic = await engine.start(StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted"))
    await left(engine, said(slack, epic.id))
    async with engine._pool.connection() as connection:
        (kept,) = await (await connection.execute(ROWS.encode())).fetchall()

    await look(*made)

    assert kept["payload"].startswith("gs1.")
    assert TEXT not in kept["payload"]
    assert [saying.text for saying in await engine.sayings(epic.id)] == [TEXT]


@pytest.fixture
def silent(door):
    """A database that does not answer."""
    import psycopg

    with psycopg.connect(door.server._database_url) as other:
        other.execute(b"LOCK TABLE slack_inbox")
        yield other.rollback


@pytest.fixture
def broken(door):
    """A database that goes away."""
    door.server.run(break_once(door.server.engine._pool, "slack_inbox", "true"))
    return lambda: None


@pytest.mark.parametrize("trouble", ["silent", "broken"])
def test_what_cannot_be_kept_is_not_acknowledged_and_is_done_when_slack_sends_it_again(door, trouble, request):
    answers = door.slack.response_url("U0OLGA", "C0GENERAL")
    fields = {"command": "/genie", "text": "say e-0000000000 hello", "team_id": TEAM, "user_id": "U0OLGA", "channel_id": "C0GENERAL"}
    body = urlencode({**fields, "trigger_id": f"7.8.{trouble}", "response_url": answers}).encode()
    before = len(door.slack.told("U0OLGA"))

    mend = request.getfixturevalue(trouble)
    refused = door.ask(body, **signed(body))
    assert door.slack.told("U0OLGA")[before:] == []
    mend()
    again = door.ask(body, **signed(body))

    assert (refused.status_code, again.status_code) == (503, 200)
    (told,) = door.slack.told("U0OLGA")[before:]
    assert "There is no such epic here" in told


async def test_what_cannot_be_kept_is_not_acknowledged_by_socket_mode_either(open_office, at_plan_gate, database_url):
    import psycopg

    office = await open_office(at_plan_gate.engine)
    approval, card = await office.card(at_plan_gate.id)
    pressed = {"value": f"{approval.id}:{approval.content_hash}", "block": f"gate:{approval.id}", "message": card}
    office.slack.patience_s = 3.0

    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("LOCK TABLE slack_inbox")
        with pytest.raises(AssertionError, match="was not acknowledged"):
            await asyncio.to_thread(office.person().press, "genie_approve", **pressed)

    assert await at_plan_gate.rows(ROWS) == []
    assert await at_plan_gate.rows(DECIDED) == []


async def test_what_was_done_is_forgotten_after_a_day_and_what_was_given_up_after_a_month(at_plan_gate):
    from db.slack_inbox import prune_slack_inbox

    pool = at_plan_gate.engine._pool
    for name, state in (
        ("done now", "done_at = now()"),
        ("done", "done_at = now() - interval '25 hours'"),
        ("dead", "dead_at = now() - interval '29 days'"),
        ("long dead", "dead_at = now() - interval '31 days'"),
        ("open", "tries = 1"),
    ):
        assert await at_plan_gate.engine.slack.inbox.keep(name, "click", "{}", seconds=15)
        await at_plan_gate.rows(
            f"UPDATE slack_inbox SET received_at = now() - interval '40 days', {state} WHERE key = '{name}' RETURNING 1"
        )

    await prune_slack_inbox(pool)

    kept = await at_plan_gate.rows("SELECT key FROM slack_inbox ORDER BY key")
    assert [row["key"] for row in kept] == ["dead", "done now", "open"]
