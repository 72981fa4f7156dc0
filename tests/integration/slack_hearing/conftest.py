"""An engine that listens to a fake Slack by a real websocket, in this process; nobody works on its epics but the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.fakes.slack.people import SlackPerson, SocketLine
from tests.fakes.slack.socket import Ack, TalkingSlack
from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, BOT_USER, TEAM, Message
from tests.integration.conftest import Began, Begin, EngineAt, Story

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.views import ApprovalView

PEOPLE = {"ada": ("U0ADA", "admin"), "anna": ("U0ANNA", "approver"), "olga": ("U0OLGA", "operator"), "vera": ("U0VERA", "viewer")}


@dataclass(frozen=True, kw_only=True)
class Office:
    """Slack, and what listens to it."""

    slack: TalkingSlack
    engine: Engine

    def person(self, user: str = "U0ANNA", *, team: str = TEAM) -> SlackPerson:
        """Somebody in Slack."""
        return SlackPerson(self.slack, SocketLine(self.slack), user, team=team)

    async def card(self, epic: str) -> tuple[ApprovalView, Message]:
        """What an epic waits for, and a message that stands for its card."""
        approval = await self.engine.approval(epic)
        return approval, self.slack.workspace.say("C0GENERAL", BOT_USER, f"card of {approval.id}", thread_ts=None)

    async def press(self, epic: str, choice: str, user: str = "U0ANNA", **more: Any) -> Ack:
        """Press a button of an epic's card."""
        approval, card = await self.card(epic)
        given = {"value": f"{approval.id}:{approval.content_hash}", "block": f"gate:{approval.id}", "team": TEAM, **more}
        person = self.person(user, team=given.pop("team"))
        return await asyncio.to_thread(person.press, f"genie_{choice}", message=card, **given)

    async def submit(self, values: dict[str, str], user: str = "U0ANNA") -> Ack:
        """Fill in the modal that was opened last, and submit it."""
        await self.until(lambda: bool(self.slack.workspace.views), "a modal is open")
        return await asyncio.to_thread(self.person(user).submit, self.slack.workspace.views[-1], values)

    async def told(self, user: str, text: str) -> str:
        """Wait until only this person was told something with a text in it."""
        await self.until(
            lambda: any(text in each for each in self.slack.told(user)), f"{user} is told {text!r}", lambda: self.slack.told(user)
        )
        return next(each for each in self.slack.told(user) if text in each)

    async def until(self, holds: Callable[[], Any], what: str, seen: Callable[[], Any] = lambda: "") -> None:
        """Wait for something in Slack."""
        try:
            async with asyncio.timeout(20):
                while not holds():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"not within 20 s: {what}; there is {seen()}")

    async def until_row(self, rows: Callable[[], Awaitable[list[Any]]], what: str) -> list[Any]:
        """Wait for something in the database."""
        try:
            async with asyncio.timeout(20):
                while not (found := await rows()):
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            pytest.fail(f"not within 20 s: {what}")


class OpenOffice(Protocol):
    """Lets an engine listen to Slack, with the people of PEOPLE."""

    def __call__(self, engine: Engine) -> Awaitable[Office]: ...


@pytest.fixture
def slack() -> Generator[TalkingSlack]:
    """A fake Slack."""
    with TalkingSlack() as up:
        for name, (user, _) in {**PEOPLE, "sam": ("U0SAM", "")}.items():
            up.workspace.add_user(user, name)
        yield up


@pytest.fixture
async def open_office(slack: TalkingSlack) -> AsyncGenerator[OpenOffice]:
    """See `OpenOffice`."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def start(engine: Engine) -> Office:
            await stack.enter_async_context(_listening(engine, slack))
            return Office(slack=slack, engine=engine)

        yield start


@pytest.fixture
async def at_plan_gate(begin: Begin) -> Began:
    """An epic that waits for its plan to be decided."""
    epic = await begin()
    await epic.engine.advance(epic.id)
    return epic


@pytest.fixture
async def quiet_engine(engine_at: EngineAt, story: Story) -> Engine:
    """An engine on which nothing runs."""
    return await engine_at(story())


@asynccontextmanager
async def _listening(engine: Engine, slack: TalkingSlack) -> AsyncGenerator[None]:
    from pydantic import SecretStr

    from api.slack.app import slack_app
    from api.slack.client import open_client
    from api.slack.desk import Desk
    from api.slack.socket_mode import listen
    from config.settings import Settings
    from epics.roles import Grant, Role

    for name, (user, role) in PEOPLE.items():
        await engine.access.add_person(name, [Grant(role=Role(role))], identities=[("slack", f"{TEAM}/{user}")])
    await engine.slack.workspace.register(TEAM, BOT_USER, None)
    settings = Settings.model_validate({"executor": "scripted"})
    stop = asyncio.Event()
    async with open_client(SecretStr(BOT_TOKEN), slack.api_url) as client:
        desk = Desk(engine, settings, client, TEAM)
        listening = asyncio.create_task(listen(slack_app(desk, BOT_USER), SecretStr(APP_TOKEN), client, stop))
        try:
            async with asyncio.timeout(20):
                while not slack.linked:
                    await asyncio.sleep(0.01)
            yield
        finally:
            stop.set()
            await listening
            await desk.finish(within_s=5)
