"""`genie webhook …`, as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from safety.signatures import is_standard, new_secret
from tests.acceptance.conftest import Genie
from tests.conftest import GitRepo
from tests.fakes.receiver import Receiver

pytestmark = pytest.mark.postgres


@pytest.fixture
def receiver(tmp_path: Path) -> Generator[Receiver]:
    with Receiver(tmp_path / "requests.jsonl", body=b"thank you \x1b[31m") as opened:
        yield opened


def test_a_webhook_is_added_tried_listed_and_removed(genie: Genie, receiver: Receiver):
    refused = genie("webhook", "add", receiver.url)
    added = genie("webhook", "add", receiver.url, "--name", "here", "--event", "epic_ended", "--allow-private")
    tried = genie("webhook", "test", "here")
    receiver.behave = lambda _request: 500
    again = genie("webhook", "test", "here", "--json")
    listed = genie("webhook", "list", "--json")
    removed = genie("webhook", "remove", "here")
    gone = genie("webhook", "test", "here")

    assert (refused.code, refused.out) == (2, "")
    assert "--allow-private" in refused.err
    assert added.code == 0, added.err
    secret = next(word for word in added.out.split() if word.startswith("whsec_"))
    assert tried.code == 0, tried.out + tried.err
    assert "answered 200" in tried.out
    assert "thank you" in tried.out
    assert "\x1b[31m" not in tried.out
    ping = receiver.requests[0]
    headers = ping["headers"]
    assert json.loads(ping["raw"])["type"] == "ping"
    assert is_standard(secret, headers["webhook-id"], headers["webhook-timestamp"], ping["raw"].encode(), headers["webhook-signature"])
    assert again.code == 1
    assert (again.json()["answer"], again.json()["problem"]) == (500, "answered 500")
    (item,) = listed.json()["items"]
    assert (item["name"], item["events"], item["pending"], item["dead"]) == ("here", ["epic_ended"], 0, 0)
    assert secret not in tried.out + again.out + again.err + listed.out
    assert (removed.code, gone.code) == (0, 4)


def test_what_waits_for_a_webhook_is_listed_and_a_secret_comes_from_the_environment(genie: Genie, receiver: Receiver, git_repo: GitRepo):
    secret = new_secret()
    wrong = genie("webhook", "add", receiver.url, "--allow-private", "--secret-from-env", "MY_SECRET", env={"MY_SECRET": "too short"})
    added = genie(
        "webhook", "add", receiver.url, "--name", "here", "--allow-private", "--secret-from-env", "MY_SECRET", env={"MY_SECRET": secret}
    )
    misspelt = genie("webhook", "add", receiver.url, "--name", "x", "--allow-private", "--event", "epic_endet")
    started = genie("epic", "start", "Greet people", "--repo", str(git_repo()), "--executor", "scripted", "--detach", "--json")
    waiting = genie("webhook", "deliveries", "here", "--json")
    resent = genie("webhook", "resend", "--dead")

    assert (wrong.code, misspelt.code) == (2, 2)
    assert "too short" not in wrong.err
    assert "epic_ended" in misspelt.err
    assert added.code == 0, added.err
    assert secret not in added.out + added.err
    assert started.code == 0, started.err
    (message,) = waiting.json()["items"]
    assert (message["epic"], message["event"], message["type"], message["status"]) == (started.json()["id"], 1, "epic_queued", "pending")
    assert "0 messages" in resent.out
    assert receiver.requests == []
