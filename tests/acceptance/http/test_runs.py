"""Workflows run over HTTP: at once or later, polled, cancelled, and never lost with a server."""

from __future__ import annotations

import signal

import pytest

from tests.fakes.machine import until

pytestmark = pytest.mark.postgres


@pytest.fixture
def run(client, repo):
    """The id of a run that nobody works on."""
    answer = client.post("/agents/pr/run/async", json={"repo": repo, "executor": "scripted"})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_a_run_that_is_left_to_workers_is_queued_at_once(client, repo):
    answer = client.post("/agents/implement/run/async", json={"repo": repo, "executor": "scripted", "task": "Greet people"})

    told = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/runs/{told['id']}"
    assert (told["workflow"], told["task"], told["status"], told["output"]) == ("implement", "Greet people", "queued", None)
    assert client.get(f"/runs/{told['id']}").json()["id"] == told["id"]


def test_a_run_that_does_not_end_in_time_is_handed_over_as_it_is(client, repo):
    answer = client.post("/agents/pr/run", json={"repo": repo, "executor": "scripted", "wait_s": 0.2})

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["Location"].endswith(answer.json()["id"])


def test_the_same_key_starts_one_run_and_another_request_under_it_is_refused(client, repo):
    body, key = {"repo": repo, "executor": "scripted"}, {"Idempotency-Key": f"run-{repo}"}

    first = client.post("/agents/pr/run/async", json=body, headers=key)
    again = client.post("/agents/pr/run/async", json=body, headers=key)
    other = client.post("/agents/review/run/async", json=body, headers=key)

    assert (again.status_code, again.text, again.headers["Idempotency-Replayed"]) == (202, first.text, "true")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert len(client.get("/runs", params={"repo": repo}).json()["items"]) == 1


def test_runs_and_epics_have_lists_of_their_own(client, repo, run, epic):
    assert [each["id"] for each in client.get("/runs", params={"repo": repo}).json()["items"]] == [run]
    assert [each["id"] for each in client.get("/epics", params={"repo": repo}).json()["items"]] == [epic]
    assert client.get(f"/epics/{run}").status_code == 404
    assert client.get(f"/runs/{epic}").json()["code"] == "run_not_found"


def test_a_run_is_cancelled_once(client, run):
    first = client.post(f"/runs/{run}/cancel", json={"reason": "too dear"})
    second = client.post(f"/runs/{run}/cancel")

    assert (first.status_code, first.json()["status"]) == (202, "cancelled")
    assert "too dear" in first.json()["error"]
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    kinds = [event["type"] for event in client.get(f"/runs/{run}/events").json()["items"]]
    assert kinds == ["run_queued", "run_ended"]
    assert client.get(f"/runs/{run}/log").json() == {"items": [], "next": None}


def nested(depth):
    return [nested(depth - 1)] if depth else []


BAD = {
    "no such workflow": ("dance", {}, 404, "workflow_not_found"),
    "a task that is missing": ("implement", {}, 400, "invalid_input"),
    "a relative repository": ("pr", {"repo": "here"}, 400, "invalid_input"),
    "a repository that is not there": ("pr", {"repo": "/nowhere"}, 400, "repository_unusable"),
    "a revision that is not there": ("pr", {"at": "v9"}, 400, "repository_unusable"),
    "a variable of no prompt": ("pr", {"variables": {"colour": "red"}}, 400, "invalid_input"),
    "a plan that is none": ("implement", {"task": "x", "variables": {"plan": 7}}, 400, "invalid_input"),
    "a plan without a bottom": ("implement", {"task": "x", "variables": {"plan": nested(200)}}, 400, "invalid_input"),
    "an executor that is not there": ("pr", {"executor": "abacus"}, 400, "invalid_input"),
    "a field that is not known": ("pr", {"goal": "x"}, 422, "invalid_request"),
    "a wait of a day": ("pr", {"wait_s": 86_400}, 422, "invalid_request"),
    "a budget of nothing": ("pr", {"budget_usd": "0"}, 422, "invalid_request"),
}


@pytest.mark.parametrize("workflow, asked, status, code", BAD.values(), ids=BAD)
def test_what_cannot_be_run_is_refused(client, repo, workflow, asked, status, code):
    answer = client.post(f"/agents/{workflow}/run", json={"repo": repo, "executor": "scripted", **asked})

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert client.get("/runs", params={"repo": repo}).json()["items"] == []


def test_workflows_are_listed_and_shown_with_what_they_may_do(client, git_repo):
    own = str(git_repo({".genie/agents/broken/workflow.toml": "x = 1\n"}, name="with-workflows"))

    names = [each["name"] for each in client.get("/agents").json()["items"]]
    review = client.get("/agents/review").json()
    broken = client.get("/agents/broken", params={"repo": own}).json()

    assert {"implement", "review", "test"} <= set(names)
    assert (review["output"], review["allowed"], review["network"]) == ("Review", [], "none")
    assert "goal" in review["variables"]
    assert broken["error"].startswith(".genie/agents/broken/")
    assert client.get("/agents/dance").json()["code"] == "workflow_not_found"


def test_a_run_outlives_its_server_and_one_that_ends_soon_is_answered_at_once(serve, database_url, repo):
    first = serve("--workers", "0", database_url=database_url)
    with first.client() as client:
        run = client.post("/agents/pr/run/async", json={"repo": repo, "executor": "scripted"}).json()["id"]
    first.stop(signal.SIGKILL)

    second = serve("--workers", "1", database_url=database_url)
    with second.client() as client:
        until(lambda: client.get(f"/runs/{run}").json()["status"] == "done", "the run is done")
        answer = client.post("/agents/pr/run", json={"repo": repo, "executor": "scripted", "wait_s": 60.0})

    told = answer.json()
    assert (answer.status_code, told["status"], told["ended_by"]) == (200, "done", "done")
    assert told["output"]["title"]
