"""Names of moments over HTTP, and the same by `--server`."""

from __future__ import annotations

import pytest

from epics.errors import Conflict

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def done(server, epic):
    """An epic with two moments whose states are stored, and one whose state is not."""
    for n in (1, 2, 3):
        row = (epic, n, f"c{n}", "0" * 40)
        columns = "epic_id, n, checkpoint_id, step, outcome, commit, cost_usd"
        server.rows(f"INSERT INTO moments ({columns}) VALUES (%s, %s, %s, 'planning', 'done', %s, 0)", *row)
        if n < 3:
            server.rows("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, %s, '{}')", epic, f"c{n}")
    return epic


def test_a_name_is_given_once_and_taken_away(client, done):
    path = f"/epics/{done}/moments"

    given = client.put(f"{path}/1/name", json={"name": "start"})
    again = client.put(f"{path}/1/name", json={"name": "start"})
    taken = client.put(f"{path}/2/name", json={"name": "start"})
    gone = client.delete(f"{path}/1/name")
    nothing = client.delete(f"{path}/1/name")

    assert [each.status_code for each in (given, again, taken, gone, nothing)] == [200, 200, 409, 200, 200]
    assert (given.json()["name"], gone.json()["name"]) == ("start", None)
    assert taken.json()["code"] == Conflict.code
    events = client.get(f"/epics/{done}/events", headers={"Accept": "application/json"}).json()["items"]
    told = [event["data"]["name"] for event in events if event["type"] == "moment_named"]
    assert told == ["start", None]


@pytest.mark.parametrize(
    "n, body, status",
    [
        (9, {"name": "x"}, 404),
        (3, {"name": "x"}, 410),
        (1, {"name": "12"}, 400),
        (1, {"name": "A"}, 422),
        (1, {}, 422),
        (0, {"name": "x"}, 422),
    ],
)
def test_what_cannot_be_named_is_refused(n, body, status, client, done):
    answer = client.put(f"/epics/{done}/moments/{n}/name", json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_server_is_asked_as_the_database_is(genie, server, done):
    there = ("--server", server.url)

    named = genie("time", "mark", done, "2", "good", "--json", *there)
    renamed = genie("time", "mark", done, "good", "better", *there)
    missing = genie("time", "mark", done, "good", "best", *there)
    removed = genie("time", "mark", done, "better", "--remove", "--json", *there)

    assert (named.code, named.json()["name"], named.json()["n"]) == (0, "good", 2), named.err
    assert "moment 2 of epic" in renamed.out
    assert (missing.code, "has no moment named 'good'" in missing.err) == (4, True)
    assert (removed.code, removed.json()["name"]) == (0, None)
