"""Pages of other origins: those that are named may call, with a key as everyone; the rest may not even ask."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Indoors

pytestmark = pytest.mark.postgres

BOARD = "https://board.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture(scope="module")
def indoors(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Indoors]:
    """A server that a board may call."""
    from tests.fakes.indoors import indoors

    with indoors(
        tmp_path_factory.mktemp("origins"), postgres_server, database_template, cors_origins=f"{BOARD}, http://[::1]:3000"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def key(indoors: Indoors) -> str:
    """A key of anybody."""
    return indoors.new_key("anna", Grant(role=Role.VIEWER))


def test_a_browser_is_told_without_a_key_that_a_named_page_may_call(indoors):
    answer = indoors.ask("OPTIONS", "/epics", headers={"Origin": BOARD, "Sec-Fetch-Site": "cross-site", **ASKS})

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == BOARD
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]


def test_a_named_page_reads_the_answer_and_needs_a_key(indoors, key):
    known = indoors.ask("GET", "/whoami", key, headers={"Origin": BOARD})
    stranger = indoors.ask("GET", "/whoami", headers={"Origin": BOARD})

    assert (known.status_code, known.headers["access-control-allow-origin"]) == (200, BOARD)
    assert "RateLimit-Remaining" in known.headers["access-control-expose-headers"]
    assert (stranger.status_code, stranger.headers["access-control-allow-origin"]) == (401, BOARD)


@pytest.mark.parametrize("origin", ["https://evil.example", "https://board.example.org:8443", "http://board.example.org", "null"])
def test_any_other_page_is_refused_whatever_it_shows(indoors, key, origin):
    asked = indoors.ask("OPTIONS", "/epics", headers={"Origin": origin, **ASKS})
    called = indoors.ask("GET", "/whoami", key, headers={"Origin": origin})

    for answer in (asked, called):
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
        assert "access-control-allow-origin" not in answer.headers


def test_what_is_asked_without_an_origin_says_that_answers_differ_by_it(indoors, key):
    answer = indoors.ask("GET", "/whoami", key)

    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


def test_answers_have_the_headers_that_browsers_heed_and_promise_tls_only_over_tls(indoors, key):
    plain = indoors.ask("GET", "/whoami", key).headers
    over_tls = indoors.ask("GET", "https://localhost/api/v1/whoami", key).headers

    assert plain["x-content-type-options"] == "nosniff"
    assert plain["x-frame-options"] == "DENY"
    assert plain["referrer-policy"] == "no-referrer"
    assert plain["cache-control"] == "no-store"
    assert "strict-transport-security" not in plain
    assert over_tls["strict-transport-security"] == "max-age=31536000"
