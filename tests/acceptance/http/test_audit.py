"""The audit over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.postgres


def test_who_did_what_is_told_in_pages_the_newest_first(client, epic):
    client.post(f"/epics/{epic}/say", json={"text": "Be brief."})
    client.post(f"/epics/{epic}/cancel", json={"reason": "not now"})

    first = client.get("/audit", params={"epic": epic, "limit": 2}).json()
    rest = client.get("/audit", params={"epic": epic, "limit": 2, "cursor": first["next"]}).json()

    told = [*first["items"], *rest["items"]]
    assert [(row["deed"], row["answer"], row["channel"]) for row in told] == [
        ("cancel", "asked", "http"),
        ("say", "done", "http"),
        ("start", "done", "http"),
    ]
    assert rest["next"] is None
    assert {(row["person"], row["address"], row["refused"]) for row in told} == {(told[0]["person"], "127.0.0.1", False)}
    assert all(row["via"] and len(row["hash"]) == 64 for row in told)
    assert "Be brief." not in str(told)


def test_rows_are_found_by_deed_and_time(client, epic):
    now = datetime.now(UTC)

    def found(**asked):
        return [row["deed"] for row in client.get("/audit", params={"epic": epic, **asked}).json()["items"]]

    assert found(deed="start", kind="epic") == ["start"]
    assert found(deed="decide") == []
    assert found(person="nobody at all") == []
    assert found(refused=True) == []
    assert found(since=(now - timedelta(hours=1)).isoformat(), until=(now + timedelta(hours=1)).isoformat()) == ["start"]
    assert found(since=(now + timedelta(hours=1)).isoformat()) == []


@pytest.mark.parametrize(
    "asked, status",
    [({"cursor": "x"}, 400), ({"cursor": "-1"}, 400), ({"since": "2026-11-21T10:00:00"}, 422), ({"limit": 0}, 422), ({"who": "ann"}, 422)],
    ids=["no cursor", "no number", "no zone", "no rows", "no such filter"],
)
def test_what_cannot_be_asked_is_a_problem(client, asked, status):
    answer = client.get("/audit", params=asked)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
