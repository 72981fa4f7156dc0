"""Conversations, variables and prompts over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Indoors

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def ada(indoors: Indoors) -> str:
    """Who may run agents everywhere."""
    return indoors.new_key("ada.sessions", Grant(role=Role.OPERATOR))


@pytest.fixture(scope="module")
def admin(indoors: Indoors) -> str:
    """Who administers everything."""
    return indoors.new_key("admin.sessions", Grant(role=Role.ADMIN))


def begun(indoors: Indoors, key: str, **body: Any) -> dict[str, Any]:
    answer = indoors.ask("POST", "/sessions", key, json={"agent": "simple", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_what_is_said_in_a_session_is_a_run_of_it_and_one_at_a_time(indoors, ada):
    session = begun(indoors, ada, name="release")
    say = {"text": "Hello", "executor": "scripted"}

    first = indoors.ask("POST", f"/sessions/{session['id']}/messages", ada, json=say, headers={"Idempotency-Key": "once"})
    again = indoors.ask("POST", f"/sessions/{session['id']}/messages", ada, json=say, headers={"Idempotency-Key": "once"})
    second = indoors.ask("POST", "/sessions/release/messages", ada, json={**say, "text": "And now?"})

    assert (first.status_code, first.json()["session"], first.json()["task"]) == (202, session["id"], "Hello")
    assert first.headers["Location"] == f"/api/v1/runs/{first.json()['id']}"
    assert (again.json()["id"], again.headers["Idempotency-Replayed"]) == (first.json()["id"], "true")
    assert (second.status_code, second.json()["code"]) == (409, "session_busy")
    assert first.json()["id"] in second.json()["detail"]


def test_a_session_is_forgotten_when_its_run_has_ended(indoors, ada):
    session = begun(indoors, ada)
    run = indoors.ask("POST", f"/sessions/{session['id']}/messages", ada, json={"text": "Hello", "executor": "scripted"}).json()

    busy = indoors.ask("DELETE", f"/sessions/{session['id']}", ada)
    cancelled = indoors.ask("POST", f"/runs/{run['id']}/cancel", ada)
    gone = indoors.ask("DELETE", f"/sessions/{session['id']}", ada)
    after = indoors.ask("GET", f"/sessions/{session['id']}", ada)

    assert (busy.status_code, cancelled.status_code, gone.status_code, after.status_code) == (409, 202, 200, 404)
    assert (gone.json()["id"], after.json()["code"]) == (session["id"], "session_not_found")
    assert indoors.ask("GET", f"/runs/{run['id']}", ada).json()["session"] is None


def test_a_session_is_listed_named_closed_and_opened(indoors, ada):
    session = begun(indoors, ada, name="first name")
    path = f"/sessions/{session['id']}"

    named = indoors.ask("PUT", f"{path}/name", ada, json={"name": "another name"})
    listed = indoors.ask("GET", "/sessions", ada, params={"name": "another name", "agent": "simple", "status": "open"})
    closed = indoors.ask("POST", f"{path}/close", ada)
    refused = indoors.ask("POST", f"{path}/messages", ada, json={"text": "Hello", "executor": "scripted"})
    opened = indoors.ask("POST", f"{path}/reopen", ada)

    assert named.json()["name"] == "another name"
    assert [each["id"] for each in listed.json()["items"]] == [session["id"]]
    assert (closed.json()["status"], refused.status_code, opened.json()["status"]) == ("closed", 409, "open")
    assert indoors.ask("GET", f"{path}/messages", ada, params={"order": "newest"}).json() == {"items": [], "next": None}


def test_variables_are_set_listed_and_forgotten(indoors, ada):
    session = begun(indoors, ada)["id"]

    put = indoors.ask("PUT", "/memories", ada, json={"name": "tone", "value": "kind", "session": session})
    listed = indoors.ask("GET", "/memories", ada, params={"session": session})
    gone = indoors.ask("DELETE", "/memories", ada, params={"session": session, "name": "tone"})
    missing = indoors.ask("DELETE", "/memories", ada, params={"session": session, "name": "tone"})
    two = indoors.ask("PUT", "/memories", ada, json={"name": "tone", "value": "x", "session": session, "agent": "simple"})
    everyones = indoors.ask("PUT", "/memories", ada, json={"name": "tone", "value": "x"})

    assert (put.json()["scope"], put.json()["owner"], listed.json()["items"]) == ("session", session, [put.json()])
    assert (gone.json()["value"], missing.json()["code"]) == ("kind", "memory_not_found")
    assert (two.status_code, everyones.status_code, everyones.json()["code"]) == (400, 403, "forbidden")


def test_prompts_are_added_and_activated(indoors, admin, ada):
    added = indoors.ask("POST", "/prompts", admin, json={"agent": "simple", "text": "Be {{ tone }}.", "variables": {"tone": "kind"}})
    version = added.json()["version"]
    path = f"/prompts/simple/default/{version}"

    before = indoors.ask("GET", "/prompts", ada, params={"agent": "simple", "active": "true"})
    activated = indoors.ask("POST", f"{path}/activate", admin)
    after = indoors.ask("GET", path, ada)
    unknown = indoors.ask("POST", "/prompts/simple/default/99/activate", admin)
    broken = indoors.ask("POST", "/prompts", admin, json={"agent": "simple", "text": "{{"})

    assert (added.status_code, added.json()["active"], added.json()["author"]) == (201, False, "admin.sessions")
    assert [each["version"] for each in before.json()["items"]] == [1]
    assert (activated.json()["active"], after.json()["active"], after.json()["names"]) == (True, True, ["tone"])
    assert (unknown.status_code, unknown.json()["code"], broken.status_code) == (404, "prompt_not_found", 400)


@pytest.mark.parametrize("path", ["/prompts", "/memories", "/sessions"])
def test_a_cursor_that_is_none_is_refused(indoors, admin, path):
    for cursor in ("x", "WzFd", "bnVsbA", "s-0", "-1", "9" * 30):
        answer = indoors.ask("GET", path, admin, params={"cursor": cursor})

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
