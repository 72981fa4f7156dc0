"""`POST /epics`: what comes back, and that a start under a key is made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2


def order(repo: str, goal: str = "Greet people") -> dict[str, object]:
    return {"goal": goal, "repo": repo, "executor": "scripted"}


def test_a_start_is_accepted_and_says_where_the_epic_is(client, repo):
    answer = client.post("/epics", json={**order(repo), "budget_usd": "2.50", "labels": {"team": "web"}})

    assert answer.status_code == 202
    epic = answer.json()
    assert answer.headers["location"] == f"/api/v1/epics/{epic['id']}"
    assert (epic["status"], epic["budget_usd"], epic["labels"]) == ("queued", "2.50", {"team": "web"})
    assert client.get(f"/epics/{epic['id']}").json() == epic


def test_fifty_parallel_starts_with_one_key_at_two_servers_make_one_epic(server, second_server, repo):
    key = str(uuid4())

    def start(n: int) -> httpx2.Response:
        with (server, second_server)[n % 2].client() as client:
            return client.post("/epics", json=order(repo), headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(start, range(50)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert server.rows("SELECT count(*) FROM epics WHERE repo = %s", repo) == [(1,)]


def test_the_answer_that_was_lost_is_given_again_when_the_epic_has_moved_on(client, server, repo):
    key = {"Idempotency-Key": str(uuid4())}
    first = client.post("/epics", json=order(repo), headers=key)
    server.rows("UPDATE epics SET status = 'paused' WHERE id = %s", first.json()["id"])

    again = client.post("/epics", json=order(repo), headers=key)

    assert (again.status_code, again.content) == (202, first.content)
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", first.headers["location"])


def test_a_key_that_stands_for_another_request_is_refused(client, repo):
    key = {"Idempotency-Key": str(uuid4())}
    first = client.post("/epics", json=order(repo), headers=key)

    other = client.post("/epics", json=order(repo, goal="Say farewell"), headers=key)

    assert other.status_code == 409
    assert (other.json()["code"], other.json()["epic"]) == ("idempotency_key_reused", first.json()["id"])


def test_a_start_that_was_refused_leaves_its_key_free(client, repo):
    key = {"Idempotency-Key": str(uuid4())}
    refused = client.post("/epics", json={**order(repo), "base": "no-such-branch"}, headers=key)

    mended = client.post("/epics", json=order(repo), headers=key)

    assert (refused.status_code, refused.json()["code"]) == (400, "repository_unusable")
    assert (mended.status_code, "idempotency-replayed" in mended.headers) == (202, False)


def test_a_key_is_free_again_after_a_day(client, server, repo):
    key = str(uuid4())
    first = client.post("/epics", json=order(repo), headers={"Idempotency-Key": key})
    server.rows("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE starts_with(key, %s)", key)

    second = client.post("/epics", json=order(repo, goal="Say farewell"), headers={"Idempotency-Key": key})

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]
