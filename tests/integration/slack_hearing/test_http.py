"""What Slack sends by HTTP: taken without a key where Slack signed it a moment ago, and refused in every other case."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import pytest

from tests.fakes.slack.socket import TalkingSlack
from tests.fakes.slack.workspace import TEAM
from tests.integration.slack_hearing.conftest import signed

pytestmark = pytest.mark.postgres


def command(text: str, slack: TalkingSlack, user: str = "U0ANNA") -> bytes:
    """The body of a slash command."""
    answers = slack.response_url(user, "C0GENERAL")
    fields = {"command": "/genie", "text": text, "team_id": TEAM, "user_id": user, "channel_id": "C0GENERAL", "response_url": answers}
    return urlencode({**fields, "trigger_id": f"{time.time_ns()}.1", "api_app_id": "A0GENIE"}).encode()


def test_what_slack_signed_is_taken_without_a_key_and_answered_to_who_asked(door):
    body = command("whoami", door.slack, "U0NEW")

    answer = door.ask(body, **signed(body))

    assert (answer.status_code, answer.text) == (200, "")
    assert [text for text in door.slack.told("U0NEW") if "genie person link NAME --slack T0GENIE/U0NEW" in text]
    query = "SELECT answer, channel FROM audit WHERE refused AND via = 'slack:T0GENIE/U0NEW'"
    assert door.server.rows(query) == [("unauthenticated", "slack")]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"secret": "another"}, id="signed with another secret"),
        pytest.param({"ago_s": 301}, id="five minutes old"),
        pytest.param({"ago_s": -3_600}, id="from the future"),
        pytest.param({"x_slack_signature": "v0=00"}, id="a signature that is none"),
        pytest.param({"x_slack_signature": ""}, id="no signature"),
        pytest.param({"x_slack_request_timestamp": "soon"}, id="a time that is none"),
        pytest.param({"x_slack_request_timestamp": "9" * 400}, id="an endless time"),
        pytest.param({"x_slack_request_timestamp": ""}, id="no time"),
    ],
)
def test_what_slack_did_not_sign_a_moment_ago_does_nothing(door, change):
    body = command("whoami", door.slack, "U0FORGED")
    how = {"secret": change["secret"]} if "secret" in change else {"at": time.time() - change.get("ago_s", 0)}

    answer = door.ask(body, **{**signed(body, **how), **{name: value for name, value in change.items() if name.startswith("x_")}})

    assert (answer.status_code, answer.json()["code"]) == (401, "hook_refused")
    assert door.slack.told("U0FORGED") == []
    assert door.server.rows("SELECT 1 FROM audit WHERE via = 'slack:T0GENIE/U0FORGED'") == []


def test_a_body_that_was_changed_after_it_was_signed_does_nothing(door):
    body = command("whoami", door.slack, "U0FORGED")

    assert door.ask(body.replace(b"whoami", b"cancel"), **signed(body)).status_code == 401


@pytest.mark.parametrize("body", [b"ssl_check=1&token=x", b'{"type":"url_verification","challenge":"c"}', b"\xff\xfe"])
def test_no_kind_of_message_is_let_in_without_a_signature(door, body):
    assert door.ask(body, content_type="application/json").status_code == 401


def test_the_address_is_confirmed_to_slack_when_the_app_is_made(door):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()

    answer = door.ask(body, **{**signed(body), "content_type": "application/json"})

    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})


@pytest.mark.parametrize("body", [b"{no json", b"\xff\xfe", b"payload=%7Bno"])
def test_what_is_signed_and_cannot_be_read_is_no_error_of_the_server(door, body):
    assert 400 <= door.ask(body, **signed(body)).status_code < 500


def test_a_server_without_a_signing_secret_takes_nothing(door):
    body = command("whoami", door.slack)
    listening = door.server.serving.slack
    verifier, listening.verifier = listening.verifier, None

    answer = door.ask(body, **signed(body, secret="another"))
    listening.verifier = verifier

    assert answer.status_code == 404
