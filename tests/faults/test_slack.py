"""Servers that tell Slack of epics, killed at random instants of an epic's life: each message is there once, and says how it ended."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.fakes.machine import until
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import BOT_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.fakes.machine import Machine, Running
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.faults

SEED = 20261121
KILLS = 12


@pytest.fixture
def fake() -> Generator[FakeSlack]:
    """A Slack of the test's own."""
    with FakeSlack() as made:
        yield made


@pytest.fixture
def server(scene: Scene, fake: FakeSlack) -> Callable[[], Running]:
    """Begins servers that tell Slack of the scene's epics."""
    there: Machine = scene.machine(
        "serving", GENIE_SLACK_BOT_TOKEN=BOT_TOKEN, GENIE_SLACK_API_URL=fake.api_url, GENIE_SLACK_CHANNEL="C0GENERAL"
    )

    def begin() -> Running:
        running = there.begin("serve", "--port", "0", "--workers", "0")
        until(lambda: running.code is not None or "Slack is served" in running.said, "the server is in Slack")
        assert running.code is None, running.said
        return running

    return begin


def _is_shown(scene: Scene, *, looked_at: bool = False) -> bool:
    query = "SELECT count(*) FROM slack_threads WHERE shown < wanted OR (%s AND look_at IS NOT NULL)"
    return scene.ask(query, looked_at) == [(0,)]


def _claims_end(scene: Scene) -> None:
    """A claim of a dead server is over after half a minute, and a thread is looked at again after more: at once in a test."""
    import psycopg

    with psycopg.connect(scene.database_url) as connection:
        connection.execute(b"UPDATE slack_threads SET claimed_until = '-infinity', look_at = least(look_at, clock_timestamp())")


def test_servers_that_are_killed_at_random_show_each_thing_once(scene: Scene, fake: FakeSlack, server: Callable[[], Running]) -> None:
    chance = random.Random(SEED)
    fake.delay_s = 0.15
    running = server()
    epic = scene.queue("--autonomy", "auto")
    worker = scene.begin("worker")
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 1.5))
        running.kill()
        _claims_end(scene)
        waiting = scene.ask("SELECT id FROM approvals WHERE epic_id = %s AND status = 'pending'", epic)
        if waiting and chance.random() < 0.7:
            decided = scene.here.run("approval", "approve", str(waiting[0][0]))
            assert decided.code == 0, decided.said
        running = server()
    until(lambda: _decided(scene, epic), "the epic is merged", seconds=120, every_s=0.5)
    until(lambda: _is_shown(scene), "all is shown", seconds=90, every_s=0.5)
    _claims_end(scene)
    until(lambda: _is_shown(scene, looked_at=True), "all was looked at", seconds=90, every_s=0.5)
    worker.kill()

    messages = fake.workspace.about(epic)
    assert [key for key, times in Counter(message.key for message in messages).items() if times > 1] == []
    assert [message.buttons for message in messages] == [[]] * len(messages)
    assert len(fake.workspace.about(f"{epic}:card:")) == len(scene.ask("SELECT id FROM approvals WHERE epic_id = %s", epic))
    assert len(fake.workspace.about(f"{epic}:note:")) == 1
    assert "[merged]" in fake.workspace.about(f"{epic}:root")[0].said


def _decided(scene: Scene, epic: str) -> bool:
    """Approve what waits, until the epic is merged."""
    for (approval,) in scene.ask("SELECT id FROM approvals WHERE epic_id = %s AND status = 'pending'", epic):
        scene.here.run("approval", "approve", str(approval))
    return scene.status(epic) == "merged"


def test_what_happened_while_slack_was_dead_is_shown_when_it_is_back(scene: Scene, fake: FakeSlack, server: Callable[[], Running]) -> None:
    server()
    fake.die()
    ended = scene.start()
    assert ended.end().code == 0, ended.said
    fake.come_back()
    until(lambda: _is_shown(scene), "all is shown", seconds=120)

    epic = scene.epic()
    told = [message.key.removeprefix(f"{epic}:").partition(":")[0] for message in fake.workspace.about(epic)]
    assert told == ["root", "card", "card", "note"]
    assert "[merged]" in fake.workspace.about(f"{epic}:root")[0].said
