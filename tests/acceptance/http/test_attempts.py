"""Several attempts side by side over HTTP, carried on by the server's worker."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

GOAL = "Add durations.render."
HOW = ("--executor", "scripted", "--model", "scripted:demo")


@pytest.mark.faults
def test_a_server_races_with_its_worker(genie, serve, database_url, sample):
    server = serve("--workers", "1", database_url=database_url)
    there = ("--server", server.url)

    ended = genie("epic", "start", GOAL, "--repo", sample, *HOW, "--attempts", "2", "--yes", "--json", *there)

    assert (ended.code, ended.json()["status"], ended.json()["race"]) == (0, "merged", "picked"), ended.err
    epic = ended.json()["id"]
    here, by_server = genie("time", "race", epic, "--json"), genie("time", "race", epic, "--json", *there)
    assert (by_server.code, by_server.out) == (here.code, here.out)
    with server.client() as client:
        fork = here.json()["entries"][1]["fork"]
        for path, body, status, code in (
            (f"/epics/{epic}/pick", {"fork": fork}, 409, "conflict"),
            (f"/epics/{epic}/pick", {"fork": ""}, 422, "invalid_request"),
            (f"/epics/{fork}/pick", {"fork": "1"}, 409, "conflict"),
            ("/epics", {"goal": GOAL, "repo": sample, "attempts": 9}, 422, "invalid_request"),
        ):
            answer = client.post(path, json=body)
            assert (path, body, answer.status_code, answer.json()["code"]) == (path, body, status, code)
        assert client.get(f"/epics/{fork}/race").status_code == 409


def test_what_has_no_attempts_is_not_picked_from(client, epic, repo):
    for path, body, status, code in (
        (f"/epics/{epic}/pick", {"fork": "1"}, 409, "conflict"),
        (f"/epics/{epic}/pick", {"fork": ""}, 422, "invalid_request"),
        ("/epics", {"goal": GOAL, "repo": repo, "attempts": 9}, 422, "invalid_request"),
    ):
        answer = client.post(path, json=body)
        assert (path, body, answer.status_code, answer.json()["code"]) == (path, body, status, code)
    assert client.get(f"/epics/{epic}/race").status_code == 409
