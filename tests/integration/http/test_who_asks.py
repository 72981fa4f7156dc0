"""Who is let in: by a key or a token in the header that holds, and by nothing else; whoever is not learns nothing of why."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Indoors

pytestmark = pytest.mark.postgres

SECRET = "a-secret-of-the-installation-for-tests-only"
VIEWER = Grant(role=Role.VIEWER)
NOBODYS = "gk_00000000_" + "0" * 43


@pytest.fixture(scope="module")
def indoors(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Indoors]:
    """As for all, and with tokens."""
    from tests.fakes.indoors import indoors

    folder = tmp_path_factory.mktemp("tokens")
    with indoors(folder, postgres_server, database_template, jwt_secret=SECRET, failures_per_minute=100_000) as made:
        yield made


@pytest.fixture(scope="module")
def anna(indoors: Indoors) -> str:
    """A key of hers."""
    return indoors.new_key("anna", VIEWER)


@pytest.fixture(scope="module")
def token(indoors: Indoors) -> str:
    """A token of somebody."""
    indoors.new_key("tom", VIEWER)
    return indoors.run(indoors.engine.access.sign_token(timedelta(hours=1), person="tom")).token


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


def signed(claims: dict[str, Any], secret: str = SECRET) -> str:
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret), algorithms=["HS256"])


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


FORGERIES: dict[str, Callable[[str, str], str]] = {
    "no key that there is": lambda _key, _token: NOBODYS,
    "a key with another secret": lambda key, _token: key[:-1] + ("a" if key[-1] != "a" else "b"),
    "half a key": lambda key, _token: key[:20],
    "no key at all": lambda _key, _token: "x",
    "letters of no alphabet": lambda _key, _token: "\u00e9" * 60,
    "an old token": lambda _key, token: signed({**claims_of(token), "exp": int(time.time()) - 3_600}),
    "a token for others": lambda _key, token: signed({**claims_of(token), "aud": "another installation"}),
    "a token of others": lambda _key, token: signed({**claims_of(token), "iss": "https://elsewhere.example.org"}),
    "a token not to be used yet": lambda _key, token: signed({**claims_of(token), "nbf": int(time.time()) + 3_600}),
    "a token of nobody": lambda _key, token: signed({**claims_of(token), "sub": "mallory"}),
    "a token signed with another secret": lambda _key, token: signed(claims_of(token), "another-secret-of-at-least-32-characters"),
    "a token without a signature": lambda _key, token: token.rpartition(".")[0] + ".",
    "a token that says it needs none": lambda _key, token: f"{part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}.",
    "a token with a longer life": lambda _key, token: ".".join(
        (token.split(".")[0], part({**claims_of(token), "exp": int(time.time()) + 10**6}), token.split(".")[2])
    ),
}


def bare(answer: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """An answer without what differs between any two."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_does_not_hold_is_refused_as_if_nothing_were_shown(indoors, anna, token, kind):
    shown = FORGERIES[kind](anna, token)
    nothing = indoors.ask("GET", "/epics")

    answer = indoors.ask("GET", "/epics", headers={"Authorization": f"Bearer {shown}".encode()})

    assert bare(answer) == bare(nothing)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_and_a_token_that_hold_let_in(indoors, anna, token):
    by_key, by_token = indoors.ask("GET", "/whoami", anna), indoors.ask("GET", "/whoami", token)

    assert (by_key.status_code, by_key.json()["person"], by_key.json()["channel"]) == (200, "anna", "http")
    assert (by_token.status_code, by_token.json()["person"]) == (200, "tom")
    assert by_key.json()["grants"] == [{"role": "viewer", "repo": "**"}]


def test_a_key_that_was_revoked_or_rotated_or_has_expired_lets_nobody_in_any_more(indoors):
    root = indoors.new_key("admin-of-keys", Grant(role=Role.ADMIN))

    async def short() -> str:
        return (await indoors.engine.access.create_key("short", [VIEWER], person="admin-of-keys", lasts=timedelta(hours=1))).key

    made = indoors.ask("POST", "/keys", root, json={"name": "build", "grants": [{"role": "viewer"}]})
    first = made.json()["key"]
    rotated = indoors.ask("POST", f"/keys/{made.json()['id']}/rotate", root, json={"grace_s": 0})
    second = rotated.json()["key"]
    listed = indoors.ask("GET", "/keys", root)
    works = [indoors.ask("GET", "/epics", key).status_code for key in (first, second)]
    revoked = indoors.ask("POST", f"/keys/{made.json()['id']}/revoke", root)
    expired = indoors.run(short())
    indoors.rows("UPDATE keys SET expires_at = now() WHERE name = 'short'")

    assert (made.status_code, rotated.status_code, revoked.status_code) == (201, 200, 200)
    assert works == [401, 200]
    assert [indoors.ask("GET", "/epics", key).status_code for key in (second, expired)] == [401, 401]
    assert revoked.json()["state"] == "revoked"
    assert not {"key", "hash"} & set(listed.json()["items"][0])
    assert first not in listed.text
    assert second not in listed.text


def test_nobody_makes_a_key_that_is_worth_more_than_its_maker(indoors, anna):
    answer = indoors.ask("POST", "/keys", anna, json={"name": "more", "grants": [{"role": "admin"}]})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "admin" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token", "Authorization"])
def test_a_key_in_the_address_is_refused_and_told_to_nobody(indoors, anna, name):
    with capture_logs() as logs:
        answer = indoors.ask("GET", "/epics", anna, params={name: anna})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert anna not in answer.text
    assert anna not in json.dumps(logs, default=str)


def test_a_key_is_taken_from_one_bearer_header_alone(indoors, anna):
    twice = indoors.ask("GET", "/epics", headers=[("Authorization", f"Bearer {anna}"), ("Authorization", f"Bearer {anna}")])
    basic = indoors.ask("GET", "/epics", headers={"Authorization": "Basic " + base64.b64encode(f"anna:{anna}".encode()).decode()})
    elsewhere = indoors.ask("GET", "/epics", headers={"X-Api-Key": anna, "Cookie": f"key={anna}"})
    small = indoors.ask("GET", "/epics", headers={"Authorization": f"bearer  {anna} "})

    assert [answer.status_code for answer in (twice, basic, elsewhere, small)] == [401, 401, 401, 200]


def test_what_is_not_served_is_not_told_to_strangers(indoors, anna):
    stranger = [indoors.ask("GET", path).status_code for path in ("/nothing", "/openapi.json", "http://localhost/", "/epics/")]
    known = [indoors.ask("GET", path, anna).status_code for path in ("/nothing", "/openapi.json", "http://localhost/")]

    assert stranger == [401] * 4
    assert known == [404, 200, 404]


def test_probes_and_signed_messages_are_asked_without_a_key(indoors):
    paths = ("/health", "/ready", "/metrics")

    answers = [indoors.ask("GET", f"http://localhost{path}").status_code for path in paths]
    hook = indoors.ask("POST", "http://localhost/hooks/nobody", content=b"{}")

    assert 401 not in answers
    assert (hook.status_code, hook.json()["code"]) == (404, "hook_not_found")
