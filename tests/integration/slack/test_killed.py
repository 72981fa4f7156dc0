"""A deliverer that is killed with `kill -9` at each line between a decision, the intent to tell of it, the post, and the record of it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fakes.breakpoints import Breakpoints
from tests.fakes.slack.workspace import BOT_TOKEN

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
DELIVERER = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from api.slack.client import open_client
from api.slack.delivering import Pace, run_slack_posts
from api.slack.thread import Patience
from db.connection import open_database
from engine.assembling import Installation
from engine.engine import Engine

async def main():
    async with open_database(sys.argv[1], Path(sys.argv[2]), migrate=False) as database:
        engine = Engine(Installation(
            home=Path(sys.argv[2]), database=database, executors={}, agents_dir=None, environment={}, git_environment={},
            lease_seconds=10.0,
        ))
        async with open_client(SecretStr(sys.argv[3]), sys.argv[4]) as client:
            pace = Pace(poll_s=0.03, patience=Patience(again_s=0.05, look_s=0.3))
            await run_slack_posts(engine, client, asyncio.Event(), public_url="https://genie.example.org", pace=pace)

asyncio.run(main())
"""


@contextlib.contextmanager
def deliverer(dsn: str, folder: Path, api_url: str) -> Generator[subprocess.Popen[bytes]]:
    """A deliverer as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", DELIVERER, dsn, str(folder), BOT_TOKEN, api_url], env={"PYTHONPATH": str(ROOT)}, cwd=folder
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def claims_end(desk) -> None:
    """What the killed one had in hand is free when its claim is over: half a minute later, or at once in a test."""
    await desk.execute("UPDATE slack_threads SET claimed_until = '-infinity'")


FEW = ["the post, done"]
POSTS = ["the intent, kept", "the intent, taken back", "the post, not done", "the post, done", "the record, kept", "the record, taken back"]
EDITS = ["the edit, not done", "the edit, done", "the record, kept", "the record, taken back"]


def marked(points: list[str], few: list[str]) -> list[object]:
    """The first of them in every run, all of them where faults are asked for."""
    return [pytest.param(point, id=point, marks=[] if point in few else [pytest.mark.faults]) for point in points]


async def _killed_at(point: str, desk, stops: Breakpoints, process: subprocess.Popen[bytes], *, method: str, key: str, act) -> None:
    """Let something happen, and kill the deliverer when it is at a point of telling of it."""
    what, how = point.split(", ")
    if what in {"the post", "the edit"}:
        pause = desk.fake.pause(method, done=how == "done", key=key)
        await act()
        await asyncio.to_thread(pause.wait)
        process.kill()
        pause.let_go() if how == "done" else pause.drop()
    else:
        operation = "INSERT" if what == "the intent" else "UPDATE"
        await asyncio.to_thread(stops.set, "slack_posts", operation, kind="card")
        await act()
        await asyncio.to_thread(stops.reached, point)
        process.kill()
        await asyncio.to_thread(process.wait)
        await asyncio.to_thread(stops.forget, kept=how == "kept")
    await asyncio.to_thread(process.wait)
    await claims_end(desk)


@pytest.mark.parametrize("point", marked(POSTS, FEW))
async def test_a_kill_around_the_post_of_a_card_leaves_one_card(point, desk, new_epic, deliver, database, tmp_path):
    epic = await new_epic()
    with Breakpoints(database.dsn) as stops, deliverer(database.dsn, tmp_path, desk.fake.api_url) as process:
        await desk.until_shown()
        await _killed_at(point, desk, stops, process, method="chat.postMessage", key=f"{epic}:card", act=lambda: desk.asks(epic))
    await deliver()
    await desk.until_shown()

    (card,) = desk.cards(epic)
    (row,) = await desk.execute("SELECT ts, posted_hash FROM slack_posts WHERE kind = 'card'")
    assert (len(card.buttons), row["ts"], row["posted_hash"] is not None) == (3, card.ts, True)
    assert [message.key.partition(":")[2][:4] for message in desk.fake.workspace.messages()] == ["root", "card"]


@pytest.mark.parametrize("point", marked(EDITS, []))
async def test_a_kill_around_the_edit_of_a_card_leaves_it_decided(point, desk, new_epic, deliver, database, tmp_path):
    epic = await new_epic()
    approval = await desk.asks(epic)
    with Breakpoints(database.dsn) as stops, deliverer(database.dsn, tmp_path, desk.fake.api_url) as process:
        await desk.until_shown()
        await _killed_at(point, desk, stops, process, method="chat.update", key="", act=lambda: desk.decides(approval))
    await deliver()
    await desk.until_shown()

    (card,) = desk.cards(epic)
    assert (card.buttons, "Approved* by anna" in card.said) == ([], True)


@pytest.mark.faults
@pytest.mark.parametrize("done", [True, False], ids=["posted", "not posted"])
async def test_a_kill_around_the_first_post_of_a_thread_leaves_one_thread(done, desk, new_epic, deliver, database, tmp_path):
    with deliverer(database.dsn, tmp_path, desk.fake.api_url) as process:
        pause = desk.fake.pause("chat.postMessage", done=done)
        epic = await new_epic()
        await asyncio.to_thread(pause.wait)
        process.kill()
        pause.let_go() if done else pause.drop()
        await asyncio.to_thread(process.wait)
        await claims_end(desk)
    await deliver()
    await desk.asks(epic)
    await desk.until_shown()

    assert [message.thread_ts for message in desk.fake.workspace.messages()] == [None, desk.root(epic).ts]


@pytest.mark.faults
async def test_a_post_that_outlives_its_killed_process_is_taken_away(desk, new_epic, deliver, database, tmp_path):
    epic = await new_epic()
    with deliverer(database.dsn, tmp_path, desk.fake.api_url) as process:
        await desk.until_shown()
        late = desk.fake.pause("chat.postMessage", done=False, key=f"{epic}:card")
        await desk.asks(epic)
        await asyncio.to_thread(late.wait)
        process.kill()
        await asyncio.to_thread(process.wait)
        await claims_end(desk)
    await deliver(look_s=1.0)
    await desk.until(lambda: desk.cards(epic), "another one posts the card")
    late.let_go()
    await desk.until(lambda: desk.fake.workspace.called("chat.delete"), "the late one is found and deleted")
    await desk.until_shown()

    assert len(desk.cards(epic)) == 1
