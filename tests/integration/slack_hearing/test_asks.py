"""Requests from Slack: asked for once however often that is delivered, chosen for in words, and answered where they were asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

pytestmark = pytest.mark.postgres

ASKS = "SELECT id, text, repo, person, status FROM asks ORDER BY id"


@pytest.fixture
def about(slack):
    """The messages about a key."""
    return slack.workspace.about


async def done_here(engine, ask):
    from engine.routing.advancing import advance_ask

    return await advance_ask(engine._installation, ask)


async def scripted(engine, ask):
    """Let the parts be played by the script: what Slack asks for is done as the server's settings say."""
    async with engine._pool.connection() as connection:
        await connection.execute("UPDATE asks SET executor = 'scripted' WHERE id = %s", [ask])


@asynccontextmanager
async def shown(office):
    """Show requests in this Slack while it is open."""
    from pydantic import SecretStr

    from api.slack.ask_posts import Pace, run_ask_posts
    from api.slack.client import open_client
    from tests.fakes.slack.workspace import BOT_TOKEN

    stop = asyncio.Event()
    async with open_client(SecretStr(BOT_TOKEN), office.slack.api_url, clean=lambda text: text) as client:
        task = asyncio.create_task(run_ask_posts(office.engine, client, stop, pace=Pace(poll_s=0.05)))
        try:
            yield
        finally:
            stop.set()
            await task


async def test_a_mention_that_asks_is_answered_below_itself_once(office, rows, about, small_repo):
    await office.engine.slack.workspace.map("C0GENERAL", str(small_repo), "main")

    message, deliver = await asyncio.to_thread(office.person("U0OLGA").mention, "ask --agent pr draft the pull request text")
    await asyncio.to_thread(deliver)
    (ask,) = await office.until_row(lambda: rows(ASKS), "it is asked for")
    await scripted(office.engine, ask["id"])
    async with shown(office):
        await office.until(lambda: about(f"{ask['id']}:parts"), "its parts are shown")
        await done_here(office.engine, ask["id"])
        await office.until(lambda: about(f"{ask['id']}:answer"), "it is answered")
        await office.until(lambda: "done" in str(about(f"{ask['id']}:parts")), "its parts are done")

    assert (ask["text"], ask["repo"], ask["person"]) == ("draft the pull request text", str(small_repo), "olga")
    (parts,), (answer,) = about(f"{ask['id']}:parts"), about(f"{ask['id']}:answer")
    assert {parts.thread_ts, answer.thread_ts} == {message.ts}
    assert "Greet people" in str(answer)


async def test_a_part_is_chosen_for_in_the_thread_of_the_request(office, rows, small_repo):
    await office.engine.slack.workspace.map("C0GENERAL", str(small_repo), "main")
    message, _ = await asyncio.to_thread(office.person("U0OLGA").mention, "ask --agent pr draft it")
    (ask,) = await office.until_row(lambda: rows(ASKS), "it is asked for")
    async with office.engine._pool.connection() as connection:
        await connection.execute("UPDATE asks SET status = 'needs_choice'")
        await connection.execute("UPDATE ask_parts SET status = 'needs_choice', agent = NULL")

    await asyncio.to_thread(office.person("U0OLGA").mention, "choose review", thread=message)
    await office.told("U0OLGA", f"`{ask['id']}` goes on")

    assert [row["agent"] for row in await rows("SELECT agent FROM ask_parts")] == ["review"]


async def test_what_may_not_be_asked_for_is_refused_in_words(office, rows, small_repo):
    await asyncio.to_thread(office.person("U0VERA").command, f"ask --repo {small_repo} review the last commit")
    await office.told("U0VERA", "needs operator")
    await asyncio.to_thread(office.person("U0OLGA").command, "choose review")
    await office.told("U0OLGA", "/genie choose ASK [PART] AGENT")

    assert await rows(ASKS) == []
