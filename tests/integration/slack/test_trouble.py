"""Slack that limits, loses, refuses or is away: all is shown in the end, in order, and once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

pytestmark = pytest.mark.postgres


def told(desk, epic):
    """The live messages of an epic by what they are about, in the order in which they stand."""
    return [message.key.removeprefix(f"{epic}:").partition(":")[0] for message in desk.fake.workspace.about(epic)]


async def test_a_post_whose_answer_was_lost_is_there_once(desk, new_epic, deliver):
    desk.fake.lose_answer("chat.postMessage", 2)
    await deliver()
    epic = await new_epic()
    await desk.asks(epic)
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card"]
    assert len(desk.cards(epic)[0].buttons) == 3


async def test_a_post_that_comes_late_after_all_is_taken_away(desk, new_epic, deliver):
    epic = await new_epic()
    late = desk.fake.pause("chat.postMessage", done=False, key=f"{epic}:card")
    client_gives_up = desk.fake.pause("conversations.replies", done=True)
    client_gives_up.let_go()
    await deliver()
    await desk.until_shown()
    await desk.asks(epic)
    await asyncio.to_thread(late.wait)
    # The process that posted it is gone, as far as anybody can tell.
    await desk.execute("UPDATE slack_threads SET claimed_until = '-infinity', claim = gen_random_uuid()")
    await desk.until(lambda: len(desk.cards(epic)) == 1, "another deliverer posts it")
    late.let_go()
    await desk.until(lambda: len(desk.fake.workspace.called("chat.delete")) == 1, "the late one is deleted")
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card"]
    (row,) = await desk.execute("SELECT ts FROM slack_posts WHERE kind = 'card'")
    assert desk.cards(epic)[0].ts == row["ts"]


async def test_a_message_that_turns_up_twice_is_deleted_later(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.asks(epic)
    await desk.until_shown()
    card = desk.cards(epic)[0]
    twin = desk.fake.workspace.say("C0GENERAL", card.user, "the same", thread_ts=card.thread_ts)
    twin.metadata = card.metadata
    await desk.execute("UPDATE slack_threads SET look_at = clock_timestamp()")

    await desk.until(lambda: twin.deleted, "the twin is gone")
    assert told(desk, epic) == ["root", "card"]


async def test_two_deliverers_make_one_card(desk, new_epic, deliver):
    for _ in range(4):
        await deliver()
    epics = [await new_epic() for _ in range(3)]
    for epic in epics:
        await desk.decides(await desk.asks(epic))
        await desk.asks(epic, "merge_gate")
    await desk.until_shown(seconds=60)

    assert [told(desk, epic) for epic in epics] == [["root", "card", "card"]] * 3
    assert [len(desk.cards(epic)[1].buttons) for epic in epics] == [3] * 3


async def test_a_storm_of_refusals_delays_and_loses_nothing(desk, new_epic, deliver):
    desk.fake.one_a_second = True
    desk.fake.limit(5, retry_after=0.2)
    await deliver()
    epic = await new_epic()
    await desk.decides(await desk.asks(epic))
    await desk.ends(epic)
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card", "note"]
    assert "[merged]" in desk.root(epic).said
    waits = [call.at for call in desk.fake.workspace.calls if call.status == 429]
    assert len(waits) >= 5


async def test_after_a_dead_slack_all_is_shown_as_it_stands_then(desk, new_epic, deliver):
    await deliver()
    waiting, ended = await new_epic(), await new_epic()
    await desk.until_shown()
    desk.fake.die()
    open_card = await desk.asks(waiting)
    await desk.happens(waiting, "approval_reminded", approval=open_card, gate="plan_gate", who=[])
    decided = await desk.asks(ended)
    await desk.happens(ended, "approval_reminded", approval=decided, gate="plan_gate", who=[])
    await asyncio.sleep(0.5)
    await desk.decides(decided)
    await desk.ends(ended)
    (behind,) = await desk.execute("SELECT count(*) AS threads FROM slack_threads WHERE shown < wanted")
    backlog = await desk.engine.slack.workspace.status()
    desk.fake.come_back()
    await desk.until_shown()

    assert (behind["threads"], backlog.waiting, backlog.failures > 0) == (2, 2, True)
    assert told(desk, waiting) == ["root", "card", "reminder"]
    assert told(desk, ended) == ["root", "card", "note"]
    assert (len(desk.cards(waiting)[0].buttons), desk.cards(ended)[0].buttons) == (3, [])
    assert (await desk.engine.slack.workspace.status()).troubled == ()


async def a_minute_passes(desk):
    """Let the database's times be a minute older, which is all that the deliverers go by."""
    for query in (
        "UPDATE slack_threads SET wanted_at = wanted_at - %s, next_at = next_at - %s, look_at = look_at - %s",
        "UPDATE slack_turns SET due_at = due_at - %s, silent_until = silent_until - %s",
        "UPDATE slack_posts SET intended_at = intended_at - %s, posted_at = posted_at - %s",
    ):
        await desk.execute(query, *[timedelta(minutes=1)] * query.count("%s"))
    await asyncio.sleep(0.1)


async def test_an_hour_without_slack_loses_nothing_and_keeps_the_order(desk, new_epic, deliver):
    await deliver(first_wait_s=5.0, most_wait_s=60.0)
    epics = [await new_epic() for _ in range(6)]
    await desk.until_shown()
    before = len(desk.fake.workspace.calls)
    desk.fake.be_unavailable(1_000_000)
    decided, last = [], {}
    for minute in range(60):
        epic = epics[minute % len(epics)]
        if epic in last:
            await desk.decides(last[epic])
            decided.append(last[epic])
        last[epic] = await desk.asks(epic, summary=f"Question of minute {minute}.")
        await a_minute_passes(desk)
    asked = len(desk.fake.workspace.calls) - before
    desk.fake.be_well()
    later = 0
    while await desk.execute("SELECT epic_id FROM slack_threads WHERE shown < wanted"):
        assert (later := later + 1) <= 120, "two hours later it is not all there"
        await a_minute_passes(desk)

    # It went on asking, for each thread about once a minute.
    assert 30 <= asked <= 60 * len(epics)
    for place, epic in enumerate(epics):
        minutes = range(place, 60, len(epics))
        assert told(desk, epic) == ["root", *["card"] * len(minutes)]
        shown = [str(card.blocks) for card in desk.cards(epic)]
        assert all(f"Question of minute {minute}." in text for minute, text in zip(minutes, shown, strict=True))
        assert [bool(card.buttons) for card in desk.cards(epic)] == [False] * 9 + [True]
    assert len(decided) == 54


async def test_slack_is_asked_less_and_less_while_it_does_not_answer(desk, new_epic, deliver):
    desk.fake.be_unavailable(10_000)
    await deliver(first_wait_s=0.2, most_wait_s=60.0)
    for _ in range(8):
        await new_epic()
    await desk.until(lambda: len(desk.fake.workspace.calls) >= 2, "it is asked again")
    await asyncio.sleep(1.5)

    # A few at once, then again after 0.2, 0.4, 0.8 s at most: polled each time they would be hundreds.
    assert len(desk.fake.workspace.calls) <= 32


async def test_a_channel_that_takes_nothing_stops_no_other(desk, new_epic, deliver):
    from db.slack import map_channel

    shut = desk.fake.workspace.add_channel("C0SHUT", "shut")
    shut.archived = True
    await map_channel(desk.engine._pool, "C0SHUT", "/shut", None)
    await deliver()
    stuck, free = await new_epic(repo="/shut"), await new_epic()
    await desk.until(lambda: told(desk, free) == ["root"], "the other is shown")
    await desk.until(lambda: desk.fake.workspace.called("chat.postMessage")[1:], "both were tried")
    await asyncio.sleep(0.1)
    (troubled,) = (await desk.engine.slack.workspace.status()).troubled
    shut.archived = False
    await desk.until(lambda: told(desk, stuck) == ["root"], "it is shown when the channel is open again")

    assert (troubled.epic, troubled.channel, "is_archived" in troubled.problem) == (stuck, "C0SHUT", True)


async def test_a_channel_that_is_mapped_while_a_pass_looks_for_one_is_not_missed(desk, new_epic):
    epic, threads = await new_epic(), desk.engine.showing.threads
    await a_minute_passes(desk)
    (seen,) = await threads.claim(seconds=30, most=9)

    await desk.engine.slack.workspace.map("C0LAMPS", "/elsewhere")
    await threads.shown(seen, wait_s=0, problem="no channel is about its repository")

    assert [each.epic for each in await threads.claim(seconds=30, most=9)] == [epic]


async def test_a_refusal_of_which_we_know_nothing_stops_no_other_thread(desk, new_epic, deliver):
    desk.fake.fail("a_new_word_of_slack", 1, method="chat.postMessage")
    first = await new_epic()
    await deliver()
    await desk.until(lambda: desk.fake.workspace.called("chat.postMessage"), "the first one is refused")
    second = await new_epic()
    await desk.until(lambda: told(desk, second) == ["root"], "the other one is shown")

    (row,) = await desk.execute(f"SELECT problem FROM slack_threads WHERE epic_id = '{first}'")
    assert "a_new_word_of_slack" in row["problem"]
    assert await desk.execute("SELECT FROM slack_turns WHERE what = '*' AND failures > 0") == []


async def test_an_open_question_that_somebody_deletes_is_asked_again(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.asks(epic)
    await desk.until_shown()
    desk.fake.workspace.delete(desk.cards(epic)[0])
    await desk.execute("UPDATE slack_posts SET posted_hash = NULL WHERE kind = 'card'")
    await desk.happens(epic, "epic_resumed")
    await desk.until(lambda: desk.cards(epic), "it is asked again")

    assert len(desk.cards(epic)[0].buttons) == 3


async def test_a_decided_card_and_a_status_line_that_somebody_deletes_are_left_alone(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    approval = await desk.asks(epic)
    await desk.until_shown()
    desk.fake.workspace.delete(desk.cards(epic)[0])
    desk.fake.workspace.delete(desk.root(epic))
    await desk.decides(approval)
    await desk.ends(epic)
    await desk.until_shown()

    assert told(desk, epic) == ["note"]
    assert [row["given_up"] for row in await desk.execute("SELECT given_up FROM slack_posts ORDER BY key")][:2] == [
        "message_not_found",
        None,
    ]


@pytest.mark.parametrize("said", ["invalid_blocks", "msg_blocks_too_long"])
async def test_a_message_that_slack_will_not_have_is_said_in_few_words(said, desk, new_epic, deliver):
    epic = await new_epic()
    await deliver()
    await desk.until_shown()
    desk.fake.fail(said, method="chat.postMessage")
    await desk.asks(epic)
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card"]
    assert len(desk.cards(epic)[0].buttons) == 3
    assert len(desk.cards(epic)[0].blocks) == 2


async def test_a_deliverer_that_slept_too_long_writes_nothing_old(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    approval = await desk.asks(epic)
    await desk.until_shown()
    slept = desk.fake.pause("chat.update", done=False)
    await desk.happens(epic, "approval_voted", approval=approval)
    await desk.execute("UPDATE approvals SET expires_at = now() + interval '1 day' WHERE id = %s", approval)
    await asyncio.to_thread(slept.wait)
    await desk.execute("UPDATE slack_threads SET claimed_until = '-infinity', claim = gen_random_uuid()")
    await desk.decides(approval)
    await desk.until(lambda: desk.cards(epic)[0].buttons == [], "another deliverer edits it")
    slept.let_go()
    await desk.until_shown()
    await asyncio.sleep(0.2)
    await desk.until_shown()

    assert desk.cards(epic)[0].buttons == []


async def test_a_restored_database_posts_nothing_twice_and_leaves_no_card_of_a_time_that_is_gone(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    kept = await desk.asks(epic)
    await desk.until_shown()
    gone = await desk.asks(epic, "merge_gate")
    await desk.until_shown()
    # As after a restore: neither of the cards has a row any more, and of the second question nobody knows.
    await desk.execute("DELETE FROM events WHERE data ->> 'approval' = %s", gone)
    await desk.execute("DELETE FROM approvals WHERE id = %s", gone)
    await desk.execute("UPDATE approvals SET status = 'pending' WHERE id = %s", kept)
    await desk.execute("DELETE FROM slack_posts WHERE kind = 'card'")
    from db.queries import QUERIES

    await desk.execute(QUERIES["doubt_restored_slack"].decode())
    await desk.until(lambda: len(desk.cards(epic)) == 1, "the unknown card is gone")
    await desk.happens(epic, "epic_resumed")
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card"]
    assert [button["value"].partition(":")[0] for button in desk.cards(epic)[0].buttons] == [kept] * 3
    assert len(desk.fake.workspace.called("chat.postMessage")) == 3


async def test_a_thread_of_which_nothing_is_left_begins_anew(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.until_shown()
    desk.fake.workspace.delete(desk.root(epic))
    await desk.execute("UPDATE epics SET step = 'review' WHERE id = %s", epic)
    await desk.happens(epic, "step_finished")
    await desk.until_shown()
    await desk.asks(epic)
    await desk.until_shown()

    assert told(desk, epic) == ["root", "card"]
    assert desk.cards(epic)[0].thread_ts == desk.root(epic).ts
