"""Requests over HTTP: asked once under a key, shown with their scores, chosen for and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Household, Indoors

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def ask(indoors: Indoors, household: Household):
    """Asks the server: `ask(method, path, **sent)`."""
    key = indoors.new_key("olga", Grant(role=Role.OPERATOR, repo=household.ids["own"]["repo"]))

    def send(method, path, **sent):
        return indoors.ask(method, path, key, **sent)

    return send


@pytest.fixture(scope="module")
def body(household: Household):
    """What is asked for."""
    text = "Review the last commit. Paint the shed."
    return {"text": text, "repo": household.ids["own"]["repo"], "executor": "scripted", "budget_usd": "2"}


def test_a_request_is_taken_once_under_a_key_and_goes_on_when_each_part_has_somebody(ask, body):
    text = "- review the last commit\n- paint the shed"
    first = ask("POST", "/ask", json={**body, "text": text}, headers={"Idempotency-Key": "one"})
    again = ask("POST", "/ask", json={**body, "text": text}, headers={"Idempotency-Key": "one"})
    other = ask("POST", "/ask", json=body, headers={"Idempotency-Key": "one"})
    there = first.headers["Location"].removeprefix("/api/v1")

    assert (first.status_code, again.headers["Idempotency-Replayed"], other.status_code) == (202, "true", 409)
    assert again.json()["id"] == first.json()["id"]
    assert (first.json()["status"], first.json()["budget_usd"]) == ("needs_choice", "2")
    assert first.json()["parts"][0]["scores"][0]["agent"] == "review"
    strange = ask("POST", f"{there}/choice", json={"agent": "dance"})
    chosen = ask("POST", f"{there}/choice", json={"agent": "pr", "part": 2})
    late = ask("POST", f"{there}/choice", json={"agent": "pr", "part": 2})
    assert (strange.status_code, chosen.json()["status"], late.status_code) == (404, "running", 409)
    listed = ask("GET", "/asks", params={"status": "running"}).json()["items"]
    assert [each["id"] for each in listed] == [first.json()["id"]]
    ended = ask("POST", f"{there}/cancel", json={"reason": "enough"})
    assert (ended.status_code, ended.json()["status"]) == (202, "cancelled")
    assert ask("GET", there).json()["ended_at"] is not None


@pytest.mark.parametrize(
    "wrong, status",
    [
        ({"text": ""}, 422),
        ({"text": "  "}, 400),
        ({"repo": "relative"}, 403),
        ({"agent": "dance"}, 404),
        ({"colour": 1}, 422),
        ({"repo": None}, 403),
    ],
    ids=["no_text", "blank", "no_path", "no_agent", "unknown_field", "no_repository"],
)
def test_what_cannot_be_asked_for_is_refused(ask, body, wrong, status):
    assert ask("POST", "/ask", json={**body, **wrong}).status_code == status
