"""An engine that listens to a fake Slack by a real websocket, in this process; nobody works on its epics but the test."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import pytest

from tests.fakes.slack.people import SlackPerson, SocketLine
from tests.fakes.slack.socket import Ack, TalkingSlack
from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, BOT_USER, SIGNING_SECRET, TEAM, Message
from tests.integration.conftest import Began, Begin, EngineAt, Story

if TYPE_CHECKING:
    from api.slack.desk import Desk
    from engine.engine import Engine
    from engine.views import ApprovalView
    from tests.fakes.indoors import Indoors

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


ReadRows = Callable[[str], Awaitable[list[Any]]]


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


@pytest.fixture
async def office(open_office: OpenOffice, quiet_engine: Engine) -> Office:
    """An engine on which nothing runs by itself, listening."""
    return await open_office(quiet_engine)


@pytest.fixture
async def rows(quiet_engine: Engine) -> ReadRows:
    """Reads rows."""

    async def read(query: str) -> list[Any]:
        async with quiet_engine._pool.connection() as connection:
            return await (await connection.execute(query.encode())).fetchall()

    return read


class Door:
    """A server's door for Slack, without a process: what comes in is signed, and is done when it is answered."""

    def __init__(self, server: Indoors, desk: Desk, slack: TalkingSlack) -> None:
        self.server, self.desk, self.slack = server, desk, slack

    def send(self, kind: str, payload: dict[str, Any]) -> Ack:
        """Send what a person does, and wait until it is done."""
        fields = {"payload": json.dumps(payload)} if kind == "interactive" else payload
        body = urlencode(fields).encode()
        answer = self.ask(body, **signed(body))
        return Ack(seconds=0.0, status=answer.status_code, payload=answer.json() if answer.content else None)

    def ask(self, body: bytes, **headers: str) -> Any:
        """The answer to a body with these headers, when all that came of it is done."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.server.ask("POST", "http://localhost/slack/events", content=body, headers=named)
        self.server.run(self.desk.finish(within_s=20))
        return answer

    def person(self, user: str, *, team: str = TEAM) -> SlackPerson:
        """Somebody in Slack."""
        return SlackPerson(self.slack, self, user, team=team)


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers that Slack adds to a body."""
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    form = "application/x-www-form-urlencoded"
    return {"content_type": form, "x_slack_request_timestamp": stamp, "x_slack_signature": f"v0={made}"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str) -> Generator[Door]:
    """A server that takes what Slack sends, with the people of PEOPLE; a module's tests share it."""
    from tests.fakes.indoors import indoors

    with TalkingSlack() as slack, indoors(tmp_path_factory.mktemp("indoors"), postgres_server, database_template) as server:
        desk = server.run(_door_opened(server, slack))
        try:
            yield Door(server, desk, slack)
        finally:
            server.run(_door_closed(desk))


async def _door_opened(server: Indoors, slack: TalkingSlack) -> Desk:
    from aiohttp import ClientSession
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web.async_client import AsyncWebClient

    from api.slack.app import slack_app
    from api.slack.desk import Desk
    from api.slack.inbox import Inbox
    from api.slack.serving import SlackListening

    await _people(server.engine)
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url, session=ClientSession(), retry_handlers=[])
    desk = Desk(server.engine, server.serving.settings, client, TEAM)
    server.serving.slack = SlackListening(verifier=SignatureVerifier(SIGNING_SECRET), app=slack_app(desk, Inbox(desk), BOT_USER))
    return desk


async def _door_closed(desk: Desk) -> None:
    await desk.finish(within_s=5)
    if desk.client.session is not None:
        await desk.client.session.close()


async def _people(engine: Engine) -> None:
    from epics.roles import Grant, Role

    for name, (user, role) in PEOPLE.items():
        await engine.access.add_person(name, [Grant(role=Role(role))], identities=[("slack", f"{TEAM}/{user}")])


@asynccontextmanager
async def _listening(engine: Engine, slack: TalkingSlack) -> AsyncGenerator[None]:
    from pydantic import SecretStr

    from api.slack.app import slack_app
    from api.slack.client import open_client
    from api.slack.desk import Desk
    from api.slack.inbox import Inbox
    from api.slack.socket_mode import listen
    from config.settings import Settings

    await _people(engine)
    await engine.slack.workspace.register(TEAM, BOT_USER, None)
    settings = Settings.model_validate({"executor": "scripted"})
    stop = asyncio.Event()
    async with open_client(SecretStr(BOT_TOKEN), slack.api_url) as client:
        desk = Desk(engine, settings, client, TEAM)
        listening = asyncio.create_task(listen(slack_app(desk, Inbox(desk), BOT_USER), SecretStr(APP_TOKEN), client, stop))
        try:
            async with asyncio.timeout(20):
                while not slack.linked:
                    await asyncio.sleep(0.01)
            yield
        finally:
            stop.set()
            await listening
            await desk.finish(within_s=5)
