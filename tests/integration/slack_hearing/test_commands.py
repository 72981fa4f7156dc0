"""`/genie …` and mentions, on the real engine: started once, said to the right agent, and refused in words with a way out."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.postgres

EPICS = "SELECT id, goal, repo, base, budget_usd, requested_by FROM epics ORDER BY id"


async def test_start_names_repository_base_and_budget_and_the_thread_is_in_the_channel(office, rows, small_repo):
    goal = "Add a --version flag & tell <who> asks"

    await asyncio.to_thread(office.person("U0OLGA").command, f"start --repo {small_repo} --base main --budget 5 {goal}")
    (epic,) = await office.until_row(lambda: rows(EPICS), "it is started")

    asked = {"goal": goal, "repo": str(small_repo), "base": "main", "budget_usd": 5, "requested_by": "olga"}
    assert {name: epic[name] for name in asked} == asked
    (thread,) = await rows("SELECT epic_id, channel, ts FROM slack_threads")
    assert thread == {"epic_id": epic["id"], "channel": "C0GENERAL", "ts": None}
    assert epic["id"] in await office.told("U0OLGA", "Started")


async def test_a_mention_that_is_delivered_again_starts_one_epic_below_the_message_that_asked(office, rows, small_repo):
    await office.engine.slack.workspace.map("C0GENERAL", str(small_repo), "main")

    message, deliver = await asyncio.to_thread(office.person("U0OLGA").mention, "add a greeting")
    for _ in range(3):
        await asyncio.to_thread(deliver)
    await office.until_row(lambda: rows(EPICS), "it is started")
    await asyncio.to_thread(office.person("U0OLGA").mention, "add another")
    await office.until_row(lambda: rows(f"SELECT 1 FROM ({EPICS}) e HAVING count(*) > 1"), "the second is started")

    first, second = await rows(EPICS)
    assert (first["goal"], first["repo"], second["goal"]) == ("add a greeting", str(small_repo), "add another")
    threads = await rows("SELECT epic_id, channel, ts FROM slack_threads ORDER BY epic_id")
    assert threads[0] == {"epic_id": first["id"], "channel": "C0GENERAL", "ts": message.ts}


async def test_a_mention_in_the_thread_of_an_epic_is_said_to_its_agent_or_answers_a_command_word(office, rows, small_repo):
    await office.engine.slack.workspace.map("C0GENERAL", str(small_repo))
    olga = office.person("U0OLGA")
    message, _ = await asyncio.to_thread(olga.mention, "add a greeting")
    await office.until_row(lambda: rows(EPICS), "it is started")

    await asyncio.to_thread(olga.mention, "in German,\nplease :smile:", thread=message)
    said = await office.until_row(lambda: rows("SELECT text, said_by, channel FROM sayings"), "it is said")
    await asyncio.to_thread(olga.mention, "status", thread=message)
    status = await office.told("U0OLGA", "[queued]")
    await asyncio.to_thread(office.person("U0VERA").mention, "cancel", thread=message)
    refused = await office.told("U0VERA", "That is not yours to do")
    await asyncio.to_thread(olga.mention, "cancel", thread=message)
    await office.told("U0OLGA", "is cancelled")

    (epic,) = await rows(EPICS)
    assert said == [{"text": "in German,\nplease :smile:", "said_by": "olga", "channel": "slack"}]
    assert epic["id"] in status
    assert "vera is viewer" in refused
    assert (await office.engine.epic(epic["id"])).status == "cancelled"


async def test_a_message_that_could_be_a_command_or_a_goal_is_asked_about(office, rows):
    await asyncio.to_thread(office.person("U0OLGA").mention, "cancel the timer when somebody logs out")

    assert "could be the command `cancel`" in await office.told("U0OLGA", "or a goal")
    assert await rows(EPICS) == []


async def test_the_approvals_and_the_epics_of_other_repositories_are_not_there_for_who_may_not_read_them(open_office, at_plan_gate):
    from epics.roles import Grant, Role

    office = await open_office(at_plan_gate.engine)
    await office.engine.access.add_person(
        "sam", [Grant(role=Role.APPROVER, repo="https://example.org/*")], identities=[("slack", "T0GENIE/U0SAM")]
    )
    sam, anna = office.person("U0SAM"), office.person()

    await asyncio.to_thread(sam.command, "approvals")
    await asyncio.to_thread(sam.command, f"status {at_plan_gate.id}")
    await office.press(at_plan_gate.id, "approve", "U0SAM")
    await asyncio.to_thread(anna.command, "approvals")
    await asyncio.to_thread(anna.command, "status")

    await office.told("U0SAM", "Nothing waits for your decision")
    await office.told("U0SAM", "There is no such epic here")
    await office.told("U0SAM", "There is no such approval here")
    assert at_plan_gate.id in await office.told("U0ANNA", "plan_gate")
    assert "[waiting]" in await office.told("U0ANNA", "[waiting]")
