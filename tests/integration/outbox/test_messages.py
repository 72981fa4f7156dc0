"""What is sent: which events, to whom, signed how."""

from __future__ import annotations

import asyncio
import json

import pytest

from safety.signatures import is_fresh, is_standard
from tests.integration.durability.writing import rows, until

pytestmark = pytest.mark.postgres


async def test_a_message_says_what_happened_to_which_epic_and_is_signed(webhooks, receiver, new_epic, tell, deliver):
    there = receiver()
    made = await webhooks.add(there.url, name="here")
    epic = await new_epic()
    await tell(epic, kind="approval_opened", approval="a-1234567890", gate="plan_gate")

    deliver()
    await until(lambda: len(there.taken()) == 2)

    first, second = there.requests
    headers = second["headers"]
    assert headers["webhook-id"] == f"msg_{epic}_2"
    assert is_standard(
        made.secret, headers["webhook-id"], headers["webhook-timestamp"], second["raw"].encode(), headers["webhook-signature"]
    )
    assert is_fresh(headers["webhook-timestamp"], second["at"])
    assert second["path"] == "/hook?x=1"
    assert headers["host"] == f"127.0.0.1:{there.port}"
    assert json.loads(first["raw"])["type"] == "epic_queued"
    body = json.loads(second["raw"])
    assert (body["type"], body["id"], body["event"]) == ("approval_opened", headers["webhook-id"], 2)
    assert body["epic"].items() >= {"id": epic, "status": "queued", "step": "planning", "labels": {"team": "red"}}.items()
    assert body["data"] == {"approval": "a-1234567890", "gate": "plan_gate"}
    assert body["links"] == {"epic": f"/api/v1/epics/{epic}", "approval": "/api/v1/approvals/a-1234567890"}


async def test_an_endpoint_is_told_of_what_it_asked_for_from_then_on(webhooks, receiver, new_epic, tell, deliver):
    there = receiver()
    epic = await new_epic()
    await tell(epic, kind="epic_ended", status="failed")
    await webhooks.add(there.url, events=["epic_ended", "epic_paused"])
    for kind in ("step_finished", "turn_taken", "epic_paused", "attempt_started", "epic_ended"):
        await tell(epic, kind=kind)

    deliver()
    await until(lambda: len(there.taken()) == 2)
    await asyncio.sleep(0.2)

    assert [json.loads(each["raw"])["type"] for each in there.requests] == ["epic_paused", "epic_ended"]


async def test_what_an_agent_does_within_an_attempt_is_no_news(webhooks, database, new_epic, tell):
    await webhooks.add("http://127.0.0.1:1/", name="all")
    epic = await new_epic()

    await tell(epic, kind="turn_taken")

    assert [row["topic"] for row in await rows(database.pool, "SELECT topic FROM outbox")] == ["epic_queued"]


async def test_without_an_endpoint_nothing_is_written(database, new_epic, tell):
    await tell(await new_epic(), 3)

    assert await rows(database.pool, "SELECT id FROM outbox") == []


async def test_a_message_is_there_if_and_only_if_its_event_is(webhooks, database, new_epic):
    from db.fence import add_events

    await webhooks.add("http://127.0.0.1:1/", name="all")
    epic = await new_epic()

    async with database.pool.connection() as connection, connection.transaction(force_rollback=True):
        await add_events(connection, epic, [{"type": "epic_ended", "data": {}}])
        inside = await (await connection.execute("SELECT event FROM outbox ORDER BY event")).fetchall()

    assert inside == [{"event": 1}, {"event": 2}]

    assert [row["event"] for row in await rows(database.pool, "SELECT event FROM outbox")] == [1]


async def test_a_running_epic_is_called_running(webhooks, receiver, new_epic, tell, deliver, database):
    from db.leases import take_lease
    from tests.integration.durability.writing import HERE, LONG_S

    there = receiver()
    await webhooks.add(there.url, events=["epic_taken"])
    epic = await new_epic()
    await take_lease(database.pool, epic, HERE, seconds=LONG_S)
    await tell(epic, kind="epic_taken", epoch=1)

    deliver()
    await until(there.taken)

    assert json.loads(there.requests[0]["raw"])["epic"]["status"] == "running"


async def test_a_secret_is_shown_once_and_never_again(webhooks, receiver, new_epic):
    made = await webhooks.add(receiver().url, name="here")
    await new_epic()

    told = (
        repr(await webhooks.all())
        + repr(await webhooks.one("here"))
        + repr(await webhooks.messages("here"))
        + repr(await webhooks.test("here"))
    )

    assert made.secret.startswith("whsec_")
    assert made.secret not in told
    assert made.secret.removeprefix("whsec_") not in told


async def test_what_is_removed_gets_nothing_more(webhooks, database, new_epic, tell):
    await webhooks.add("http://127.0.0.1:1/", name="all")
    epic = await new_epic()

    await webhooks.remove("all")
    await tell(epic)

    assert await rows(database.pool, "SELECT id FROM outbox") == []


async def test_settled_messages_are_forgotten_after_their_time_and_others_never(webhooks, database, new_epic, tell):
    from db.outbox import prune_messages

    await webhooks.add("http://127.0.0.1:1/", name="all")
    await tell(await new_epic(), 5)
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE outbox SET created_at = now() - interval '99 days'")
        await connection.execute("UPDATE outbox SET delivered_at = now() - interval '15 days' WHERE event = 1")
        await connection.execute("UPDATE outbox SET delivered_at = now() - interval '13 days' WHERE event = 2")
        await connection.execute("UPDATE outbox SET dead_at = now() - interval '15 days' WHERE event = 3")
        await connection.execute("UPDATE outbox SET dead_at = now() - interval '13 days' WHERE event = 4")

    assert await prune_messages(database.pool, 14) == 2
    assert [row["event"] for row in await rows(database.pool, "SELECT event FROM outbox ORDER BY 1")] == [2, 4, 5, 6]
