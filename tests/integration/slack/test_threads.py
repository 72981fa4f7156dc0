"""A thread shows its epic: the status line, the cards and their decisions, by whatever channel those came."""

from __future__ import annotations

import pytest

from tests.fakes.slack.workspace import TEAM

pytestmark = pytest.mark.postgres


async def test_the_thread_of_an_epic_tells_its_whole_life(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.until_shown()
    plan = await desk.asks(epic)
    await desk.until_shown()
    asked = desk.cards(epic)[0]
    buttons = [(button["action_id"], button["value"]) for button in asked.buttons]
    blocks = [block.get("block_id") for block in asked.blocks if block["type"] == "actions"]
    await desk.decides(plan, "changes", comment="Say *hello*, not <!here> hi", channel="http")
    await desk.until_shown()
    decided = desk.cards(epic)[0]
    merge = await desk.asks(epic, "merge_gate")
    await desk.decides(merge)
    await desk.ends(epic)
    await desk.until_shown()

    assert buttons == [(f"genie_{choice}", f"{plan}:{2:064}") for choice in ("approve", "changes", "reject")]
    assert blocks == [f"gate:{plan}"]
    assert decided.buttons == []
    assert "Changes requested* by anna over HTTP" in decided.said
    assert "Say *hello*, not <!here> hi" in decided.said
    assert [message.notified for message in desk.fake.workspace.messages()] == [set()] * 4
    root, first, second, note = desk.fake.workspace.messages()
    assert [message.thread_ts for message in (root, first, second, note)] == [None, root.ts, root.ts, root.ts]
    assert "[merged]" in root.said
    assert ["[queued]" in text for text, _ in root.versions][:1] == [True]
    assert "Approved* by anna on the command line" in second.said
    assert "[merged]" in note.said


async def test_an_edit_says_all_that_happened_meanwhile(desk, new_epic, deliver):
    await deliver(again_s=0.5)
    epic = await new_epic()
    await desk.until_shown()
    for n in range(40):
        await desk.happens(epic, "step_finished", step="test", note=str(n))
    await desk.execute("UPDATE epics SET step = 'review' WHERE id = %s", epic)
    await desk.happens(epic, "step_finished", step="test")
    await desk.until_shown()

    assert "review" in desk.root(epic).said
    assert len(desk.fake.workspace.called("chat.update")) <= 3
    assert len(desk.fake.workspace.called("chat.postMessage")) == 1


async def test_what_happens_within_an_attempt_marks_no_thread(desk, new_epic):
    epic = await new_epic()
    before = await desk.execute("SELECT wanted FROM slack_threads WHERE epic_id = %s", epic)

    await desk.happens(epic, "turn_taken")
    await desk.happens(epic, "tool_called")

    assert await desk.execute("SELECT wanted FROM slack_threads WHERE epic_id = %s", epic) == before


async def test_what_an_agent_tells_people_is_a_message_of_its_own_that_calls_nobody(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.until_shown()

    await desk.happens(epic, "people_told", attempt=3, text="The tests need a <!here> *key*.")
    await desk.until_shown()

    root, told = desk.fake.workspace.messages()
    assert told.thread_ts == root.ts
    assert "Attempt 3 says:" in told.said
    assert "The tests need a <!here> *key*." in told.said
    assert told.notified == set()


async def test_without_a_workspace_nothing_is_marked(engine, new_epic):
    await new_epic()

    async with engine._pool.connection() as connection:
        assert await (await connection.execute(b"SELECT FROM slack_threads")).fetchall() == []


async def test_an_imported_epic_tells_nothing_of_what_was_before(desk, new_epic, deliver):
    epic = await new_epic()
    await desk.decides(await desk.asks(epic))
    await desk.happens(epic, "epic_imported")
    await desk.asks(epic, "merge_gate")
    await deliver()
    await desk.until_shown()

    assert [message.key.split(":")[1] for message in desk.fake.workspace.about(epic)] == ["root", "card"]
    assert "Merge" in desk.cards(epic)[0].said


async def test_what_waits_when_slack_is_set_up_is_shown_then(engine, fake, new_epic, deliver):
    from db.slack import register_workspace
    from tests.integration.slack.conftest import CHANNEL, Desk

    desk = Desk(engine, fake)
    waiting, _queued = await new_epic(), await new_epic()
    approval = await desk.asks(waiting)

    await register_workspace(engine._pool, TEAM, "U0GENIE", CHANNEL)
    await deliver()
    await desk.until_shown()

    assert [message.key for message in fake.workspace.messages()] == [f"{waiting}:root", f"{waiting}:card:{approval}"]


async def test_a_question_that_was_superseded_has_no_buttons_any_more(desk, new_epic, deliver):
    await deliver()
    epic = await new_epic()
    await desk.asks(epic)
    await desk.until_shown()
    again = await desk.asks(epic)
    await desk.until_shown()

    old, new = desk.cards(epic)
    assert (old.buttons, "[superseded]" in old.said) == ([], True)
    assert [button["value"].partition(":")[0] for button in new.buttons] == [again] * 3


async def test_a_thread_hangs_below_the_message_that_asked(desk, new_epic, deliver):
    from db.slack import bind_thread

    asked = desk.fake.workspace.say("C0GENERAL", "U0ANNA", "<@U0GENIE> greet people")
    epic = await new_epic()
    async with desk.engine._pool.connection() as connection:
        await bind_thread(connection, epic, "C0GENERAL", asked.ts)
    await deliver()
    await desk.asks(epic)
    await desk.until_shown()

    assert [message.thread_ts for message in desk.fake.workspace.about(epic)] == [asked.ts, asked.ts]


async def test_reminders_call_those_who_may_decide(desk, new_epic, deliver):
    await desk.execute(
        "INSERT INTO people (name, groups, grants, created_by) VALUES"
        """ ('anna', '{leads}', '[{"role": "approver"}]', 'x'), ('bob', '{}', '[{"role": "viewer"}]', 'x')"""
    )
    await desk.execute(
        "INSERT INTO identities (kind, value, person) VALUES ('slack', %s, 'anna'), ('slack', %s, 'bob')", f"{TEAM}/U0ANNA", f"{TEAM}/U0BOB"
    )
    await deliver()
    epic = await new_epic()
    approval = await desk.asks(epic)
    await desk.happens(epic, "approval_reminded", approval=approval, gate="plan_gate", who=["group:leads", "bob"])
    await desk.happens(epic, "approval_escalated", approval=approval, gate="plan_gate", to=["role:approver"])
    await desk.until_shown()

    reminded, escalated = desk.fake.workspace.about(f"{epic}:reminder")[0], desk.fake.workspace.about(f"{epic}:escalation")[0]
    assert (reminded.notified, escalated.notified) == ({"U0ANNA"}, {"U0ANNA"})
    assert {message.thread_ts for message in (reminded, escalated)} == {desk.root(epic).ts}


async def test_each_repository_has_its_channel(desk, new_epic, deliver):
    from db.slack import map_channel

    for channel in ("C0SHOP", "C0REST"):
        desk.fake.workspace.add_channel(channel, channel.lower())
    await map_channel(desk.engine._pool, "C0REST", "https://git.example.org/**", None)
    await map_channel(desk.engine._pool, "C0SHOP", "https://git.example.org/shop", None)
    await deliver()
    epics = [await new_epic(repo=repo) for repo in ("https://git.example.org/shop", "https://git.example.org/other", "/elsewhere")]
    await desk.until_shown()

    assert [desk.root(epic).channel for epic in epics] == ["C0SHOP", "C0REST", "C0GENERAL"]


async def test_no_secret_is_shown_and_nobody_is_called_by_what_others_wrote(desk, new_epic, deliver):
    evil = "<!channel> @here <@U0ANNA> </|> *bold* the-planted-secret ghp_abcdefghijklmnopqrstuvwxyz0123 password=hunter22hunter22"
    await deliver()
    epic = await new_epic(goal=evil, repo="/<!channel>")
    approval = await desk.asks(epic, summary=evil * 200, question=evil)
    await desk.decides(approval, "changes", comment=evil, by="<!here>")
    await desk.until_shown()

    assert desk.fake.workspace.messages()
    for message in desk.fake.workspace.messages():
        assert message.notified == set()
        assert not [word for word in ("the-planted-secret", "ghp_abcdef", "hunter22") if word in message.said]
