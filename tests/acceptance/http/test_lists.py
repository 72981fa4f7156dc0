"""Lists come in pages: complete, stable, newest first."""

from __future__ import annotations

import pytest


def pages(client, path: str, **asked: object) -> list[dict]:
    """All items of a list, page by page."""
    items, cursor = [], None
    while True:
        answer = client.get(path, params={**asked, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= int(str(asked["limit"]))
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.fixture
def many_epics(server, repo) -> list[str]:
    """Twenty-five epics of one repository, five of them waiting, the newest first; older than any that is started now."""
    server.rows("INSERT INTO projects (repo) VALUES (%s)", repo)
    made = server.rows(
        "INSERT INTO epics (id, project_id, goal, repo, base, base_commit, status, graph_version) "
        "SELECT 'e-00' || substr(md5(%s || n), 1, 8), p.id, 'Greet', p.repo, 'main', 'x', "
        "CASE WHEN n <= 5 THEN 'waiting' ELSE 'merged' END, 1 "
        "FROM projects p, generate_series(1, 25) n WHERE p.repo = %s RETURNING id",
        *(repo, repo),
    )
    return sorted((row[0] for row in made), reverse=True)


def test_epics_come_in_pages_that_miss_nothing(client, repo, many_epics):
    items = pages(client, "/epics", repo=repo, limit=7)

    assert [epic["id"] for epic in items] == many_epics


def test_epics_of_one_status_come_in_pages(client, repo, many_epics):
    items = pages(client, "/epics", repo=repo, status="waiting", limit=2)

    assert len(items) == 5
    assert {epic["id"] for epic in items} <= set(many_epics)
    assert {epic["status"] for epic in items} == {"waiting"}


def test_an_epic_that_is_held_is_running_and_no_longer_queued(client, server, repo, epic):
    queued = pages(client, "/epics", repo=repo, status="queued", limit=5)
    server.rows(
        "INSERT INTO leases (thread_id, epoch, token, expires_at) VALUES (%s, 1, gen_random_uuid(), now() + interval '1 minute')", epic
    )

    assert [each["id"] for each in queued] == [epic]
    assert pages(client, "/epics", repo=repo, status="queued", limit=5) == []
    assert [each["id"] for each in pages(client, "/epics", repo=repo, status="running", limit=5)] == [epic]


def test_a_cursor_stands_where_it_was_when_new_epics_come(client, repo, many_epics):
    first = client.get("/epics", params={"repo": repo, "limit": 10}).json()
    client.post("/epics", json={"goal": "Greet people", "repo": repo, "executor": "scripted"})

    second = client.get("/epics", params={"repo": repo, "limit": 15, "cursor": first["next"]}).json()

    assert [each["id"] for each in (*first["items"], *second["items"])] == many_epics


def test_approvals_of_one_instant_come_in_pages_that_miss_nothing(client, server, epic):
    server.rows(
        "INSERT INTO approvals (id, epic_id, gate, moment, status, content_hash, question, options, summary, requested_at) "
        "SELECT 'a-' || substr(md5(%s || n), 1, 10), %s, 'plan_gate', n, 'superseded', 'x', 'Shall it?', '[]', '', "
        "now() - (n / 4) * interval '1 second' FROM generate_series(1, 18) n",
        *(epic, epic),
    )

    items = pages(client, "/approvals", epic=epic, limit=5)

    assert len({approval["id"] for approval in items}) == len(items) == 18
    assert [approval["requested_at"] for approval in items] == sorted((each["requested_at"] for each in items), reverse=True)


def test_a_decision_counts_once_and_the_others_are_told_which(client, second_server, server, epic):
    approval = f"a-{epic.removeprefix('e-')}"
    server.rows(
        "INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary) "
        "VALUES (%s, %s, 'plan_gate', 1, 'new', 'Shall it?', '[\"approve\", \"changes\", \"reject\"]', 'A plan.')",
        *(approval, epic),
    )
    path = f"/approvals/{approval}/decision"

    stale = client.post(path, json={"decision": "approve", "content_hash": "old"})
    unfit = client.post(path, json={"decision": "raise", "amount_usd": "1"})
    first = client.post(path, json={"decision": "approve", "content_hash": "new"})
    with second_server.client() as other:
        second = other.post(path, json={"decision": "reject", "comment": "no"})

    assert (stale.status_code, stale.json()["code"]) == (409, "superseded")
    assert (unfit.status_code, unfit.json()["code"]) == (400, "invalid_input")
    assert (first.status_code, first.json()["decision"], first.json()["channel"]) == (200, "approve", "http")
    told = second.json()
    assert (second.status_code, told["code"], told["decision"]) == (409, "already_decided", "approve")
    assert (told["decided_by"], told["approval"]) == (first.json()["decided_by"], approval)
    assert told["decided_at"].startswith(first.json()["decided_at"][:10])
