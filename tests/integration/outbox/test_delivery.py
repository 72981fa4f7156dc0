"""At least once and in order, with receivers that fail, hang, refuse, and deliverers that are many, or die."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from tests.fakes.receiver import ids_by_epic
from tests.integration.durability.writing import rows, until

pytestmark = pytest.mark.postgres


async def all_delivered(database, count: int) -> None:
    deadline = time.monotonic() + 30
    while (await rows(database.pool, "SELECT count(*) AS n FROM outbox WHERE delivered_at IS NOT NULL"))[0]["n"] < count:
        assert time.monotonic() < deadline, await rows(database.pool, "SELECT * FROM outbox WHERE delivered_at IS NULL LIMIT 3")
        await asyncio.sleep(0.05)


async def test_three_deliverers_and_a_moody_receiver_lose_nothing_and_keep_the_order_of_each_epic(
    webhooks, receiver, new_epic, tell, deliver, database
):
    there = receiver(behave=lambda request: 500 if request["n"] % 5 == 2 else 200)
    await webhooks.add(there.url)
    epics = [await new_epic() for _ in range(6)]
    for _ in range(3):
        deliver()

    await asyncio.gather(*(tell(epic, 7) for epic in epics))
    await all_delivered(database, 48)

    assert ids_by_epic(there.taken()) == {epic: list(range(1, 9)) for epic in epics}
    # Nobody sends what another has in hand: each was taken once.
    assert len(there.taken()) == 48
    # And at no time was a later one tried before an earlier one had arrived.
    for epic in epics:
        tried = [json.loads(each["raw"])["event"] for each in there.requests if json.loads(each["raw"])["epic"]["id"] == epic]
        assert tried == sorted(tried)


async def test_a_receiver_that_was_down_gets_everything_in_order_when_it_is_up(webhooks, receiver, new_epic, tell, deliver, database):
    there = receiver()
    there.close()
    await webhooks.add(there.url, name="here")
    epic = await new_epic()
    await tell(epic, 4)
    deliver()
    while not (await webhooks.one("here")).problem:
        await asyncio.sleep(0.05)
    assert (await webhooks.one("here")).pending == 5

    again = receiver("again", port=there.port)
    await all_delivered(database, 5)

    assert [json.loads(each["raw"])["event"] for each in again.taken()] == [1, 2, 3, 4, 5]
    assert (await webhooks.one("here")).problem is None


async def test_an_endpoint_that_hangs_holds_up_no_other(webhooks, receiver, new_epic, tell, deliver):
    slow, quick = receiver("slow"), receiver("quick")
    slow.hold()
    await webhooks.add(slow.url, name="a-slow")
    await webhooks.add(quick.url, name="b-quick")
    epics = [await new_epic() for _ in range(10)]
    deliver(timeout_s=0.5, each=2, most=4)

    await asyncio.gather(*(tell(epic, 3) for epic in epics))
    await until(lambda: ids_by_epic(quick.taken()) == {epic: [1, 2, 3, 4] for epic in epics}, seconds=30)

    assert slow.taken() == []


async def test_an_epic_whose_message_is_refused_holds_up_no_other_epic(webhooks, receiver, new_epic, tell, deliver):
    there = receiver(behave=lambda request: 400 if request["body"]["epic"]["id"].endswith("1") else 200)
    await webhooks.add(there.url)
    blocked, other = await new_epic(), await new_epic()
    deliver(first_wait_s=600.0)

    await tell(blocked, 2)
    await tell(other, 2)
    await until(lambda: len(there.taken()) == 3)

    assert ids_by_epic(there.taken()) == {other: [1, 2, 3]}
    assert ids_by_epic(there.requests)[blocked] == [1]


async def test_what_was_tried_for_too_long_is_dead_and_can_be_sent_again(webhooks, receiver, new_epic, tell, deliver, database):
    mood = [500]
    there = receiver(behave=lambda _request: mood[0])
    await webhooks.add(there.url, name="here")
    epic = await new_epic()
    await tell(epic, 2)
    deliver(give_up_s=0.3)
    while (await webhooks.one("here")).dead < 3:
        await asyncio.sleep(0.05)

    given_up = await webhooks.messages("here", dead=True)
    assert [(each.status, each.answer, each.problem) for each in given_up] == [("dead", 500, "answered 500")] * 3

    mood[0] = 204
    assert await webhooks.resend_dead("here") == 3
    await all_delivered(database, 3)

    assert [json.loads(each["raw"])["event"] for each in there.taken()] == [1, 2, 3]
    assert (await webhooks.one("here")).dead == 0
    await webhooks.resend(given_up[2].id)
    await until(lambda: len(there.taken()) == 4)
    assert there.taken()[-1]["headers"]["webhook-id"] == f"msg_{epic}_1"


async def test_the_day_of_what_waits_begins_with_the_first_failure_ahead_of_it(webhooks, new_epic, tell, database):
    from db.outbox import claim_messages, message_failed

    await webhooks.add("http://127.0.0.1:1/", name="all")
    epic, other = await new_epic(), await new_epic()
    await tell(epic, 2)
    (first,) = [each for each in await claim_messages(database.pool, seconds=60, each=4, most=4) if each.epic == epic]

    assert not await message_failed(database.pool, first, answer=500, problem="answered 500", wait_s=1, give_up_s=60)
    await tell(epic)

    query = "SELECT epic_id, event, first_tried_at IS NOT NULL AS begun FROM outbox ORDER BY epic_id, event"
    begun = [(row["epic_id"], row["event"], row["begun"]) for row in await rows(database.pool, query)]
    assert begun == [(epic, 1, True), (epic, 2, True), (epic, 3, True), (epic, 4, False), (other, 1, False)]


async def test_what_is_delivered_is_not_tried_again_and_says_so(webhooks, receiver, new_epic, deliver, database):
    there = receiver()
    await webhooks.add(there.url, name="here")
    await new_epic()
    deliver()
    await all_delivered(database, 1)
    await asyncio.sleep(0.2)

    (message,) = await webhooks.messages("here")

    assert (message.status, message.tries, message.answer, message.problem) == ("delivered", 1, 200, None)
    assert message.next_try_at is None
    assert len(there.requests) == 1


async def test_a_message_is_sent_within_a_second_at_the_usual_pace(webhooks, receiver, new_epic, tell, deliver):
    from engine.outbox import Pace

    there = receiver()
    await webhooks.add(there.url)
    epic = await new_epic()
    deliver(poll_s=Pace().poll_s)
    await until(lambda: len(there.taken()) == 1)

    began = time.time()
    await tell(epic)
    await until(lambda: len(there.taken()) == 2)

    assert Pace().poll_s < 1
    # Wide, since the machine may be busy; the pace itself is half a second.
    assert there.requests[1]["at"] - began < 20


async def test_a_deliverer_that_is_told_to_stop_ends_what_it_sends_and_takes_nothing_more(
    webhooks, receiver, new_epic, tell, deliver, database
):
    there = receiver()
    there.hold()
    await webhooks.add(there.url)
    epic = await new_epic()
    await tell(epic, 3)
    stop = asyncio.Event()
    task = deliver(stop)
    await until(lambda: there.requests)

    stop.set()
    there.let_go()
    await task

    assert len(there.taken()) == 1
    assert await rows(database.pool, "SELECT event FROM outbox WHERE delivered_at IS NOT NULL") == [{"event": 1}]
    assert await rows(database.pool, "SELECT event FROM outbox WHERE claim IS NOT NULL") == []


async def test_a_claim_that_is_over_writes_nothing(webhooks, new_epic, database):
    from db.outbox import claim_messages, message_delivered, message_failed

    await webhooks.add("http://127.0.0.1:1/", name="all")
    await new_epic()
    (stale,) = await claim_messages(database.pool, seconds=0.01, each=4, most=4)
    await asyncio.sleep(0.05)
    (fresh,) = await claim_messages(database.pool, seconds=60, each=4, most=4)

    await message_delivered(database.pool, stale, 200)
    assert not await message_failed(database.pool, stale, answer=500, problem="answered 500", wait_s=1, give_up_s=0)

    (row,) = await rows(database.pool, "SELECT claim, tries, delivered_at, dead_at FROM outbox")
    assert row == {"claim": fresh.claim, "tries": 0, "delivered_at": None, "dead_at": None}
    assert await claim_messages(database.pool, seconds=60, each=4, most=4) == []


async def test_a_worker_sends_messages_and_prunes_beside_its_epics(webhooks, receiver, new_epic, installation, tell, database):
    from engine.retention import RetentionPolicy
    from engine.worker import run_worker

    there = receiver()
    await webhooks.add(there.url, events=["approval_opened"])
    await tell(await new_epic(), kind="approval_opened")
    stop = asyncio.Event()
    working = asyncio.create_task(
        run_worker(replace(installation, retention=RetentionPolicy(checkpoints_days=1, journal_days=1, events_days=1, keep=1)), stop=stop)
    )

    await until(there.taken, seconds=30)
    async with asyncio.timeout(30):
        while not await rows(database.pool, "SELECT id FROM retention_passes WHERE ended_at IS NOT NULL"):
            await asyncio.sleep(0.05)
    stop.set()
    await working

    assert len(there.requests) == 1


async def test_a_cancelled_deliverer_leaves_what_it_sends_to_others_at_once(webhooks, receiver, new_epic, deliver, database):
    there = receiver()
    there.hold()
    await webhooks.add(there.url)
    await new_epic()
    task = deliver()
    await until(lambda: there.requests)

    task.cancel()
    await asyncio.wait({task})

    assert await rows(database.pool, "SELECT tries, delivered_at, claim IS NULL AS free FROM outbox") == [
        {"tries": 0, "delivered_at": None, "free": False}
    ]
