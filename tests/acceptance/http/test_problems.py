"""Every error is a problem that says what is wrong, with a code for programs and the request's id."""

from __future__ import annotations

import json

import pytest

JSON = {"content-type": "application/json"}
NO_EPIC = "e-0000000000"


@pytest.mark.parametrize(
    "method, path, sent, status, code",
    [
        pytest.param("GET", "/nothing", {}, 404, "route_not_found", id="unknown route"),
        pytest.param("PUT", "/epics", {}, 405, "method_not_allowed", id="wrong method"),
        pytest.param("GET", f"/epics/{NO_EPIC}", {}, 404, "epic_not_found", id="no such epic"),
        pytest.param("GET", "/epics/%00", {}, 404, "epic_not_found", id="NUL in the path"),
        pytest.param("GET", "/approvals/a-0000000000", {}, 404, "approval_not_found", id="no such approval"),
        pytest.param("GET", "/epics?status=asleep", {}, 422, "invalid_request", id="no such status"),
        pytest.param("GET", "/epics?limit=0", {}, 422, "invalid_request", id="limit too small"),
        pytest.param("GET", "/epics?limit=501", {}, 422, "invalid_request", id="limit too large"),
        pytest.param("GET", "/epics?page=2", {}, 422, "invalid_request", id="unknown parameter"),
        pytest.param("GET", "/epics?repo=%00", {}, 422, "invalid_request", id="NUL in a parameter"),
        pytest.param("GET", "/epics?cursor=garbage", {}, 400, "invalid_input", id="cursor of epics"),
        pytest.param("GET", "/approvals?cursor=garbage", {}, 400, "invalid_input", id="cursor of approvals"),
        pytest.param("GET", "/approvals?cursor=WzEsMl0", {}, 400, "invalid_input", id="cursor of another kind"),
        pytest.param("GET", f"/epics/{NO_EPIC}/events", {}, 404, "epic_not_found", id="events of none"),
        pytest.param("POST", "/epics", {}, 422, "invalid_request", id="no body"),
        pytest.param("POST", "/epics", {"content": "goal=x"}, 415, "unsupported_media_type", id="a form"),
        pytest.param("POST", "/epics", {"content": "{", "headers": JSON}, 400, "malformed_request", id="half a document"),
        pytest.param("POST", "/epics", {"content": '{"goal": NaN}', "headers": JSON}, 400, "malformed_request", id="NaN"),
        pytest.param("POST", "/epics", {"content": "9" * 5_000, "headers": JSON}, 400, "malformed_request", id="huge integer"),
        pytest.param("POST", "/epics", {"content": "[" * 100_000, "headers": JSON}, 400, "malformed_request", id="deep nesting"),
        pytest.param("POST", "/epics", {"content": b'{"goal": "\xff"}', "headers": JSON}, 400, "malformed_request", id="not UTF-8"),
        pytest.param("POST", "/epics", {"content": "x" * 1_000_001, "headers": JSON}, 413, "body_too_large", id="large body"),
        pytest.param("POST", "/epics", {"json": {"goal": "x", "repo": "."}}, 400, "invalid_input", id="relative repository"),
        pytest.param("POST", "/epics", {"json": {"goal": "x", "repo": "/nowhere"}}, 400, "repository_unusable", id="no repository"),
        pytest.param("POST", "/epics", {"json": {"goal": " ", "repo": "/nowhere"}}, 400, "invalid_input", id="empty goal"),
    ],
)
def test_what_is_wrong_is_told_as_a_problem(client, method, path, sent, status, code):
    answer = client.request(method, path, **sent)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (problem["status"], problem["request_id"]) == (status, answer.headers["x-request-id"])
    assert problem["detail"]


def test_what_is_wrong_with_a_request_about_an_epic_is_told_when_it_is_there(client, epic):
    huge = client.get(f"/epics/{epic}/moments/99999999999")
    strange = client.post(f"/epics/{epic}/cancel", json={"why": "x"})
    neither = client.post(f"/epics/{NO_EPIC}/cancel", json={"why": "x"})

    assert [(answer.status_code, answer.json()["code"]) for answer in (huge, strange)] == [(422, "invalid_request")] * 2
    assert (neither.status_code, neither.json()["code"]) == (404, "epic_not_found")


def test_a_body_that_grows_while_it_is_sent_is_refused(client):
    def chunks():
        yield b'{"goal": "'
        for _ in range(20):
            yield b"x" * 100_000

    answer = client.post("/epics", content=chunks(), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "field, value",
    [
        ("goal", "NUL \0"),
        ("goal", "half \ud800"),
        ("goal", 7),
        ("goal", "x" * 20_001),
        ("budget_usd", "1e999999"),
        ("budget_usd", "NaN"),
        ("budget_usd", -1),
        ("budget_usd", "0." + "1" * 5_000),
        ("labels", {"half \ud800": "x"}),
        ("labels", {"a": 1}),
        ("autonomy", "none"),
        ("goals", "unknown"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(client, field, value):
    body = json.dumps({"goal": "Greet", "repo": "/nowhere", field: value})

    answer = client.post("/epics", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith(f"body.{field}")


def test_of_very_many_faults_the_first_are_told(client):
    body = {"goal": "Greet", "repo": "/nowhere", **{f"no such field {n}": n for n in range(10_000)}}

    answer = client.post("/epics", json=body)

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_a_page_in_a_browser_cannot_drive_the_server(client, headers):
    answer = client.get("/epics", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_id_of_a_request_is_taken_from_the_client_if_it_is_sane(client):
    sane = client.get("/epics", headers={"X-Request-Id": "build-7.a:1"})
    mad = client.get("/epics", headers={"X-Request-Id": "x" * 101})

    assert sane.headers["x-request-id"] == "build-7.a:1"
    assert len(mad.headers["x-request-id"]) == 32


def test_every_answer_forbids_what_no_api_needs(client):
    headers = client.get("/epics").headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"
