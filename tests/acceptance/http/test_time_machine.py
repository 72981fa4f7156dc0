"""Going back over HTTP, and from the command line by a server: the worker that has an epic stops it and takes it back."""

from __future__ import annotations

import json

import pytest

from tests.fakes.machine import until
from tests.fakes.standing import demo_at_its_plan_gate

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def standing(bring):
    """The epic of the demo, which waits at its plan gate."""
    return bring(demo_at_its_plan_gate)


@pytest.fixture
def epic(standing):
    """Its id."""
    return standing.id


def test_rollback_undo_and_fork_by_a_server_with_a_worker(genie, serve, database_url, epic):
    server = serve("--workers", "1", database_url=database_url)
    there = ("--server", server.url)
    with server.client() as client:
        planned = client.get(f"/epics/{epic}").json()["moment"]
        approved = genie("approval", "approve", epic, "--go", "--json", *there).json()
        assert approved["step"] == "merge_gate"

        dry = client.post(f"/epics/{epic}/rollback", json={"to": planned, "dry_run": True})
        assert (dry.status_code, dry.json()["done"], dry.json()["plan"]["step"]) == (200, "planned", "plan_gate")
        back = client.post(f"/epics/{epic}/rollback", json={"to": planned, "level": "full", "guidance": "Shorter."})
        assert (back.status_code, back.json()["epic"]["status"], back.json()["epic"]["moment"]) == (200, "paused", back.json()["moment"])
        old = client.get(f"/approvals/{approved['waiting_on']}").json()
        assert old["status"] == "superseded"
        late = client.post(f"/approvals/{approved['waiting_on']}/decision", json={"decision": "approve"})
        assert (late.status_code, late.json()["code"]) == (409, "superseded")
        undone = client.post(f"/epics/{epic}/undo")
        assert (undone.status_code, undone.json()["epic"]["step"]) == (200, "merge_gate")

        fork = client.post(f"/epics/{epic}/fork", json={"at": planned, "budget_usd": "4"})
        assert (fork.status_code, fork.headers["location"]) == (202, f"/api/v1/epics/{fork.json()['id']}")
        assert (fork.json()["status"], fork.json()["forked_from"], fork.json()["budget_usd"]) == ("paused", epic, "4")
        for path, body, status, code in (
            (f"/epics/{epic}/rollback", {"to": 999}, 404, "moment_not_found"),
            (f"/epics/{epic}/rollback", {"level": "snapshot"}, 400, "invalid_input"),
            (f"/epics/{epic}/rollback", {"to": 1, "level": "all"}, 422, "invalid_request"),
            (f"/epics/{fork.json()['id']}/undo", {}, 409, "conflict"),
            (f"/epics/{epic}/fork", {"at": 999}, 404, "moment_not_found"),
            ("/epics/e-0000000000/fork", {"at": 1}, 404, "epic_not_found"),
        ):
            answer = client.post(path, json=body)
            assert (path, body, answer.status_code, answer.json()["code"]) == (path, body, status, code)

    by_command = genie("time", "rollback", fork.json()["id"], "--to", "1", "--resume", "--json", *there)
    assert (by_command.code, by_command.json()["step"], by_command.json()["status"]) == (3, "plan_gate", "waiting")
    here, by_server = genie("time", "history", epic, "--json"), genie("time", "history", epic, "--json", *there)
    assert (by_server.code, by_server.out) == (here.code, here.out)


def test_an_epic_at_work_is_stopped_by_its_worker_and_taken_back(genie, serve, database_url, epic):
    server = serve("--workers", "1", database_url=database_url)
    with server.client() as client:
        planned = client.get(f"/epics/{epic}").json()["moment"]
        client.post(f"/approvals/{client.get(f'/epics/{epic}').json()['waiting_on']}/decision", json={"decision": "approve"})
        until(lambda: client.get(f"/epics/{epic}").json()["status"] == "running", "the epic to be at work")

        back = client.post(f"/epics/{epic}/rollback", json={"to": planned})

        assert back.status_code in {200, 202}, back.text
        until(lambda: client.get(f"/epics/{epic}").json()["status"] == "paused", "the epic to be taken back")
        shown = client.get(f"/epics/{epic}").json()
        assert (shown["step"], "rolled back to moment" in shown["problem"]) == ("plan_gate", True)
    kinds = {json.loads(line)["type"] for line in genie("epic", "watch", epic, "--json").out.splitlines()}
    assert "epic_rolled_back" in kinds
