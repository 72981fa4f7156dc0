"""What Slack sends by HTTP: taken without a key where Slack signed it a moment ago, and refused in every other case."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.slack.socket import TalkingSlack
from tests.fakes.slack.workspace import BOT_TOKEN, BOT_USER, SIGNING_SECRET, TEAM

pytestmark = pytest.mark.postgres

FORM = "application/x-www-form-urlencoded"
URL = "http://localhost/slack/events"


@pytest.fixture(scope="module")
def talking() -> Generator[TalkingSlack]:
    """A fake Slack."""
    with TalkingSlack() as up:
        yield up


@pytest.fixture(scope="module")
def server(talking, tmp_path_factory, postgres_server, database_template) -> Generator[Any]:
    """A server that takes what Slack sends."""
    from tests.fakes.indoors import indoors

    with indoors(tmp_path_factory.mktemp("indoors"), postgres_server, database_template) as made:
        desk = made.run(_listen(made, talking))
        yield made
        made.run(desk.finish(within_s=5))
        made.run(desk.client.session.close())


async def _listen(server: Any, slack: TalkingSlack) -> Any:
    from aiohttp import ClientSession
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web.async_client import AsyncWebClient

    from api.slack.app import slack_app
    from api.slack.desk import Desk
    from api.slack.serving import SlackListening

    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url, session=ClientSession(), retry_handlers=[])
    desk = Desk(server.engine, server.serving.settings, client, TEAM)
    server.serving.slack = SlackListening(verifier=SignatureVerifier(SIGNING_SECRET), app=slack_app(desk, BOT_USER))
    server.desk = desk
    return desk


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers that Slack adds to a body."""
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"content-type": FORM, "x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={made}"}


def command(text: str, slack: TalkingSlack, user: str = "U0ANNA") -> bytes:
    """The body of a slash command."""
    answers = slack.response_url(user, "C0GENERAL")
    fields = {"command": "/genie", "text": text, "team_id": TEAM, "user_id": user, "channel_id": "C0GENERAL", "response_url": answers}
    return urlencode({**fields, "trigger_id": f"{time.time_ns()}.1", "api_app_id": "A0GENIE"}).encode()


def test_what_slack_signed_is_taken_without_a_key_and_answered_to_who_asked(server, talking):
    body = command("whoami", talking, "U0NEW")

    answer = server.ask("POST", URL, content=body, headers=signed(body))
    server.run(server.desk.finish(within_s=10))

    assert (answer.status_code, answer.text) == (200, "")
    assert [text for text in talking.told("U0NEW") if "genie person link NAME --slack T0GENIE/U0NEW" in text]
    assert server.rows("SELECT answer, channel FROM audit WHERE refused AND via = 'slack:T0GENIE/U0NEW'") == [("unauthenticated", "slack")]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"secret": "another"}, id="signed with another secret"),
        pytest.param({"at": time.time() - 301}, id="five minutes old"),
        pytest.param({"at": time.time() + 3_600}, id="from the future"),
        pytest.param({"x-slack-signature": "v0=00"}, id="a signature that is none"),
        pytest.param({"x-slack-signature": ""}, id="no signature"),
        pytest.param({"x-slack-request-timestamp": "soon"}, id="a time that is none"),
        pytest.param({"x-slack-request-timestamp": "9" * 400}, id="an endless time"),
        pytest.param({"x-slack-request-timestamp": ""}, id="no time"),
    ],
)
def test_what_slack_did_not_sign_a_moment_ago_does_nothing(server, talking, change):
    body = command("whoami", talking, "U0FORGED")
    how = {name: change[name] for name in ("secret", "at") if name in change}

    answer = server.ask("POST", URL, content=body, headers={**signed(body, **how), **{k: v for k, v in change.items() if k not in how}})
    server.run(server.desk.finish(within_s=10))

    assert (answer.status_code, answer.json()["code"]) == (401, "hook_refused")
    assert talking.told("U0FORGED") == []
    assert server.rows("SELECT 1 FROM audit WHERE via = 'slack:T0GENIE/U0FORGED'") == []


def test_a_body_that_was_changed_after_it_was_signed_does_nothing(server, talking):
    body = command("whoami", talking, "U0FORGED")

    answer = server.ask("POST", URL, content=body.replace(b"whoami", b"cancel"), headers=signed(body))

    assert answer.status_code == 401


@pytest.mark.parametrize("body", [b"ssl_check=1&token=x", b'{"type":"url_verification","challenge":"c"}'])
def test_no_kind_of_message_is_let_in_without_a_signature(server, body):
    assert server.ask("POST", URL, content=body, headers={"content-type": FORM}).status_code == 401


def test_the_address_is_confirmed_to_slack_when_the_app_is_made(server):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()

    answer = server.ask("POST", URL, content=body, headers={**signed(body), "content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})


@pytest.mark.parametrize("body", [b"{no json", b"\xff\xfe", b"payload=%7Bno"])
def test_what_is_signed_and_cannot_be_read_is_no_error_of_the_server(server, body):
    answer = server.ask("POST", URL, content=body, headers=signed(body))

    assert 400 <= answer.status_code < 500


def test_a_server_without_a_signing_secret_takes_nothing(server, talking):
    body = command("whoami", talking)
    listening, server.serving.slack.verifier = server.serving.slack.verifier, None

    answer = server.ask("POST", URL, content=body, headers=signed(body, secret=""))
    server.serving.slack.verifier = listening

    assert answer.status_code == 404
