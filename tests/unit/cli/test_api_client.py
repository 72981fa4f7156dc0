"""How the command line asks a server: what it shows, and what it makes of a refusal."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from cli.api_client import ApiClient
from engine.views import EpicView
from epics.access_errors import Forbidden, TooManyRequests, Unauthenticated

SERVER = "http://127.0.0.1:1"


def refusal(status: int, code: str, detail: str, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"code": code, "detail": detail, "title": "No"}, headers=headers)


def client(answer: Callable[[httpx2.Request], httpx2.Response]) -> ApiClient:
    return ApiClient(httpx2.AsyncClient(base_url=SERVER, transport=httpx2.MockTransport(answer)), SERVER, "the key in GENIE_KEY")


async def test_who_is_not_let_in_is_told_what_was_shown_and_the_way_out():
    api = client(lambda _request: refusal(401, "unauthenticated", "this needs a key"))

    with pytest.raises(Unauthenticated) as refused:
        await api.get(EpicView, "/epics/e-1")

    assert str(refused.value).startswith(f"{SERVER} was shown the key in GENIE_KEY, and lets nobody in with that: set GENIE_KEY")


async def test_who_may_not_is_told_by_the_server_which_role_it_needs():
    api = client(lambda _request: refusal(403, "forbidden", "anna is viewer on shop, and to start there needs operator"))

    with pytest.raises(Forbidden, match="anna is viewer on shop"):
        await api.post(EpicView, "/epics", {})


async def test_a_command_that_asks_too_often_waits_as_long_as_it_is_told():
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.method)
        if len(asked) < 3:
            return refusal(429, "too_many_requests", "later", **{"Retry-After": "0"})
        return refusal(404, "epic_not_found", "there is none")

    with pytest.raises(LookupError):
        await client(answer).post(EpicView, "/epics/e-1/resume", {})

    assert asked == ["POST", "POST", "POST"]


async def test_its_patience_ends():
    waited: list[int] = []

    def answer(_request: httpx2.Request) -> httpx2.Response:
        waited.append(1)
        return refusal(429, "too_many_requests", "later", **{"Retry-After": "0"})

    api = client(answer)
    api.patience_s = 0.3
    with pytest.raises(TooManyRequests):
        await api.get(EpicView, "/epics/e-1")

    assert len(waited) == 3
