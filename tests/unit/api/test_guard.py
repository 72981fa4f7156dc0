"""What comes in without a key has no rights, wherever it goes from there."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import Headers

from api.guard import Guard, bearer_in, is_open
from api.reach import LOCAL_NAMES
from api.serving import Serving
from config.settings import Settings
from epics.callers import GENIE, Caller, current_caller
from epics.roles import Deed, Grant, Role


async def caller_inside(path: str, keyless: Caller | None = None) -> Caller | None:
    """For whom the app works that a request reaches; None if it does not."""
    seen: list[Caller] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(current_caller())

    async def send(_message: Any) -> None:
        pass

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    serving = Serving(settings=Settings.model_validate({}), hosts=LOCAL_NAMES, keyless=keyless)
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "client": ("192.0.2.7", 1)}
    await Guard(app, serving)(scope, receive, send)
    return seen[0] if seen else None


@pytest.mark.parametrize("path", ["/health", "/hooks/github", "/slack/events"])
async def test_what_is_asked_without_a_key_is_done_for_nobody(path):
    caller = await caller_inside(path)

    assert caller is not None
    assert (caller.person, caller.address) == ("nobody", "192.0.2.7")
    assert not any(caller.may(deed, repo) for deed in Deed for repo in (None, "/srv/repo"))
    assert current_caller() is GENIE


async def test_without_keys_everyone_is_the_one_who_runs_the_server():
    anna = Caller(person="anna", channel="http", grants=(Grant(role=Role.ADMIN),))

    assert await caller_inside("/api/v1/epics", keyless=anna) == anna


@pytest.mark.parametrize("path", ["/api/v1/epics", "/", "/healthy", "/health/", "//health", "/hooks", "/slack", "/docs"])
async def test_everything_else_is_asked_with_a_key(path):
    assert not is_open(path)
    assert await caller_inside(path) is None


@pytest.mark.parametrize(
    "given, bearer",
    [
        ([b"Bearer gk_1"], "gk_1"),
        ([b"bearer  gk_1 "], "gk_1"),
        ([b"Bearer"], None),
        ([b"Bearer "], None),
        ([b"Basic gk_1"], None),
        ([b"gk_1"], None),
        ([b"Bearer gk_1", b"Bearer gk_1"], None),
        ([], None),
    ],
    ids=str,
)
def test_one_bearer_header_is_read_and_nothing_else(given, bearer):
    assert bearer_in(Headers(raw=[(b"authorization", each) for each in given])) == bearer
