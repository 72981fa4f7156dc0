"""Genie as processes, in a fake Slack: a server and a worker, people who click and type, and a model that plays a script."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.machine import until
from tests.fakes.slack.people import HttpLine, SlackPerson, SocketLine, make_known
from tests.fakes.slack.socket import TalkingSlack
from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Message
from tests.fakes.team import Team

if TYPE_CHECKING:
    from tests.fakes.model_server import ModelServer
    from tests.fakes.nursery import Nursery

CHANNEL = "C0GENERAL"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """All that is up."""

    slack: TalkingSlack
    team: Team
    model: ModelServer
    socket_mode: bool

    def person(self, user: str = "U0ANNA") -> SlackPerson:
        """Somebody in Slack."""
        line = SocketLine(self.slack) if self.socket_mode else HttpLine(self.team.servers[0].url)
        return SlackPerson(self.slack, line, user)

    def card(self, choice: str) -> Message:
        """The card with a button for a choice, when it is there."""
        return until(lambda: next(iter(self._open(choice)), None), f"a card to {choice}", every_s=0.05)

    def decided(self, card: Message, *said: str) -> None:
        """Wait until a card has no button any more, and says all this."""
        until(lambda: not _choices(card) and all(text in card.said for text in said), f"the card says {said}: {card.said}", every_s=0.05)

    def submit(self, person: SlackPerson, **values: str) -> None:
        """Fill in the form that opens next, and submit it."""
        workspace = self.slack.workspace
        until(lambda: workspace.views, "a form is open", every_s=0.02)
        person.submit(workspace.views.pop(), values)

    def cards(self) -> list[Message]:
        """Every card, in order."""
        return [message for message in self.slack.workspace.messages() if ":card:" in message.key]

    def epic(self) -> Any:
        """The one epic, as a row, when it is there."""
        found = until(lambda: self.team.rows("SELECT id, status, goal, base, requested_by FROM epics"), "an epic is there")
        assert len(found) == 1
        return found[0]

    def until_status(self, status: str) -> None:
        """Wait until the one epic has a status."""
        until(lambda: self.epic()[1] == status, f"the epic is {status}; {self._seen()}", every_s=0.05)

    def briefs(self, workflow: str) -> list[str]:
        """What the attempts of a workflow were sent, in order."""
        query = (
            "SELECT b.text FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt WHERE a.workflow = %s ORDER BY a.n"
        )
        return [row[0] for row in self.team.rows(query, workflow)]

    def _open(self, choice: str) -> list[Message]:
        return [message for message in self.cards() if choice in _choices(message)]

    def _seen(self) -> list[str]:
        return [f"{message.key}: {message.text[:200]}" for message in self.slack.workspace.messages()]


OpenFloor = Callable[..., AbstractContextManager[Floor]]


@pytest.fixture
def slack() -> Generator[TalkingSlack]:
    """A fake Slack."""
    with TalkingSlack() as up:
        yield up


@pytest.fixture
def open_floor(tmp_path: Path, database_url: str, nursery: Nursery, slack: TalkingSlack) -> OpenFloor:
    """Begins a server and a worker, by HTTP or in Socket Mode."""

    @contextmanager
    def begin(script: Any, *, socket_mode: bool = False, repo: str | None = None, ready: bool = True, **more: str) -> Generator[Floor]:
        from tests.fakes.model_server import ModelServer

        reached = {"GENIE_SLACK_APP_TOKEN": APP_TOKEN} if socket_mode else {"GENIE_SLACK_SIGNING_SECRET": SIGNING_SECRET}
        with ModelServer(script) as model:
            settings = {
                "ANTHROPIC_BASE_URL": model.url,
                "GENIE_SLACK_BOT_TOKEN": BOT_TOKEN,
                "GENIE_SLACK_API_URL": slack.api_url,
                "GENIE_SLACK_CHANNEL": CHANNEL,
                **reached,
                **more,
            }
            with Team(tmp_path, database_url, nursery, servers=1, workers=1, settings=settings) as team:
                make_known(team.rows, anna="approver", vera="viewer")
                if repo is not None:
                    team.rows("INSERT INTO slack_channels (channel, repo, mapped_by) VALUES (%s, %s, 'ada') RETURNING 1", CHANNEL, repo)
                if ready:
                    until(lambda: team.rows("SELECT 1 FROM slack_workspace"), "Genie is in Slack", every_s=0.05)
                yield Floor(slack=slack, team=team, model=model, socket_mode=socket_mode)

    return begin


def _choices(card: Message) -> list[str]:
    return [each["action_id"].removeprefix("genie_") for each in card.buttons if each["action_id"].startswith("genie_")]
