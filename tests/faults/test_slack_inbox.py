"""A server that is killed between its word to Slack and the deed: what was done there happens all the same, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.breakpoints import Breakpoints
from tests.fakes.machine import until
from tests.fakes.slack.people import SlackPerson, SocketLine, make_known
from tests.fakes.slack.socket import TalkingSlack
from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN
from tests.fakes.story import GOAL

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.fakes.machine import Machine, Running
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.faults

SOON_S = 60.0
OPEN = "SELECT key FROM slack_inbox WHERE done_at IS NULL"


@pytest.fixture
def slack() -> Generator[TalkingSlack]:
    """A Slack of the test's own."""
    with TalkingSlack() as made:
        yield made


@pytest.fixture
def server(scene: Scene, slack: TalkingSlack) -> Callable[[], Running]:
    """Begins servers that listen to Slack by Socket Mode."""
    there: Machine = scene.machine(
        "serving",
        GENIE_SLACK_BOT_TOKEN=BOT_TOKEN,
        GENIE_SLACK_APP_TOKEN=APP_TOKEN,
        GENIE_SLACK_API_URL=slack.api_url,
        GENIE_SLACK_CHANNEL="C0GENERAL",
    )

    def begin() -> Running:
        before = slack.connections
        running = there.begin("serve", "--port", "0", "--workers", "0")
        until(lambda: running.code is not None or slack.connections > before, "the server listens to Slack")
        assert running.code is None, running.said
        return running

    return begin


def _kill_at_the_deed(running: Running, breakpoints: Breakpoints) -> None:
    breakpoints.reached("the deed is being done")
    running.kill()
    breakpoints.forget(kept=False)


def test_a_click_that_was_acknowledged_by_a_server_that_died_decides_once(
    scene: Scene, slack: TalkingSlack, server: Callable[[], Running]
) -> None:
    running = server()
    make_known(scene.ask, anna="approver")
    epic = scene.queue("--autonomy", "auto")
    worker = scene.begin("worker")
    scene.until_status(epic, "waiting")
    worker.kill()
    card = until(lambda: next((card for card in slack.workspace.about(f"{epic}:card:") if card.buttons), None), "the card is there")
    with Breakpoints(scene.database_url) as breakpoints:
        breakpoints.set("approvals", "UPDATE", decision="approve")
        acknowledged = SlackPerson(slack, SocketLine(slack)).click(card, "approve")
        _kill_at_the_deed(running, breakpoints)
    assert acknowledged.status == 200
    assert scene.ask("SELECT 1 FROM approvals WHERE decision IS NOT NULL") == []
    assert len(scene.ask(OPEN)) == 1

    server()
    until(lambda: not scene.ask(OPEN), "it is done", seconds=SOON_S)

    assert scene.ask("SELECT decision, decided_by, channel FROM approvals WHERE epic_id = %s", epic) == [("approve", "anna", "slack")]
    assert scene.ask("SELECT count(*) FROM audit WHERE deed = 'decide' AND NOT refused") == [(1,)]
    assert scene.ask("SELECT tries, payload FROM slack_inbox") == [(2, "")]


def test_a_mention_that_was_acknowledged_by_a_server_that_died_starts_one_epic(
    scene: Scene, slack: TalkingSlack, server: Callable[[], Running]
) -> None:
    running = server()
    make_known(scene.ask, olga="operator")
    with Breakpoints(scene.database_url) as breakpoints:
        breakpoints.set("epics", "INSERT", goal=GOAL)
        olga = SlackPerson(slack, SocketLine(slack), "U0OLGA")
        message, deliver_again = olga.mention(f"start --repo {scene.repo} {GOAL}")
        _kill_at_the_deed(running, breakpoints)
    assert scene.ask("SELECT 1 FROM epics") == []

    server()
    deliver_again()
    until(lambda: not scene.ask(OPEN), "it is done", seconds=SOON_S)

    assert scene.ask("SELECT goal, requested_by FROM epics") == [(GOAL, "olga")]
    assert scene.ask("SELECT channel, ts FROM slack_threads") == [("C0GENERAL", message.ts)]
