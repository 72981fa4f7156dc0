"""How often one may ask: each key for itself, and each address that shows keys that do not hold."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Indoors

pytestmark = pytest.mark.postgres

VIEWER = Grant(role=Role.VIEWER)


@pytest.fixture(scope="module")
def indoors(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Indoors]:
    """A server that lets nobody ask often."""
    from tests.fakes.indoors import indoors

    limits = {"requests_per_minute": 2, "requests_at_once": 3, "failures_per_minute": 2}
    with indoors(tmp_path_factory.mktemp("limits"), postgres_server, database_template, **limits) as made:
        yield made


def test_a_key_that_asks_too_often_is_told_when_to_come_again_and_another_is_not_held_up(indoors):
    often, other = indoors.new_key("olga", VIEWER), indoors.new_key("otto", VIEWER)

    answers = [indoors.ask("GET", "/whoami", often) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get("ratelimit-remaining") for answer in answers] == ["2", "1", "0", None]
    assert {answer.headers["ratelimit-limit"] for answer in answers[:3]} == {"3"}
    assert 1 <= int(answers[2].headers["ratelimit-reset"]) <= 91
    assert answers[3].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 30
    assert indoors.ask("GET", "/whoami", other).status_code == 200


def test_an_address_that_shows_too_many_keys_that_do_not_hold_is_not_heard_for_a_while(indoors):
    known = indoors.new_key("kim", VIEWER)
    late = indoors.new_key("lee", VIEWER)
    indoors.ask("GET", "/whoami", known)

    forged = [indoors.ask("GET", "/epics", f"gk_0000000{n}_" + "0" * 43) for n in range(4)]
    nothing = indoors.ask("GET", "/epics")

    assert [answer.status_code for answer in forged] == [401, 401, 429, 429]
    assert 1 <= int(forged[3].headers["retry-after"]) <= 30
    assert nothing.status_code == 401
    assert indoors.ask("GET", "/whoami", late).status_code == 429
    assert indoors.ask("GET", "/whoami", known).status_code == 200
    told = indoors.rows("SELECT person, kind, subject, answer FROM audit WHERE deed = 'authenticate'")
    assert told == [("nobody", "address", "127.0.0.1", "unauthenticated")]
