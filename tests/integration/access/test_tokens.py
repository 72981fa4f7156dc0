"""Tokens: whose hold, and every way in which one that does not was tried to be passed off."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import SecretStr

from db.connection import Database
from db.identity import database_id
from engine.access.access import Access
from engine.access.provider import AGAIN_S, FRESH_S, KEPT_S, ProviderKeys
from engine.access.tokens import Tokens
from engine.access.trusted import IdentityProvider, Trusted
from epics.access_errors import Forbidden, Unauthenticated
from epics.callers import Caller, acting_as
from epics.errors import InvalidInput
from epics.roles import Deed, Grant, Role
from tests.fakes.identity_provider import AUDIENCE, FakeIdentityProvider

pytestmark = pytest.mark.postgres

SECRET = "a-secret-of-the-installation-for-tests-only"
ADMIN = Grant(role=Role.ADMIN)
APPROVER = Grant(role=Role.APPROVER)
CONFUSED = "the public key as a shared secret"


@dataclass
class Clock:
    """Seconds that a test moves."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def provider() -> Generator[FakeIdentityProvider]:
    with FakeIdentityProvider() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(database: Database, provider: FakeIdentityProvider, clock: Clock) -> Callable[..., Access]:
    """Opens access for an installation that trusts the provider."""

    def make(roles_claim: str | None = None) -> Access:
        trusted = Trusted(
            jwt_secret=SecretStr(SECRET),
            provider=IdentityProvider(jwks_url=provider.jwks_url, issuer=provider.issuer, audience=AUDIENCE, roles_claim=roles_claim),
        )
        access = Access(database.pool, trusted)
        access._tokens = Tokens(database.pool, trusted, clock=clock, keys=ProviderKeys(provider.jwks_url, clock=clock))
        return access

    return make


@pytest.fixture
async def access(opened: Callable[..., Access], provider: FakeIdentityProvider, clock: Clock) -> Access:
    made = opened()
    await made.add_person("root", [ADMIN])
    await made.add_person("anna", [APPROVER], groups=["leads"], identities=[("jwt", f"{provider.issuer} anna@example.org")])
    # On a slow machine seconds may have passed since the clock stood still: no token is from before its person.
    clock.now = time.time()
    return made


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, secret: bytes) -> str:
    signed = f"{b64(header)}.{b64(claims)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def altered(token: str) -> str:
    """The token with another subject, under the signature of the first."""
    head, said, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    return f"{head}.{b64({**claims, 'sub': 'root'})}.{signature}"


def _by(key: Any, algorithm: str, kid: str, idp: FakeIdentityProvider) -> str:
    return jwt.encode({"alg": algorithm, "kid": kid}, idp.claims(), key, algorithms=[algorithm])


def _with_own_key(idp: FakeIdentityProvider) -> str:
    own = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "jwk": own.as_dict(private=False)}, idp.claims(), own, algorithms=["RS256"])


FORGED: dict[str, Callable[[FakeIdentityProvider], str]] = {
    "expired": lambda idp: idp.token(exp=int(time.time()) - 60),
    "not yet": lambda idp: idp.token(nbf=int(time.time()) + 300),
    "from the future": lambda idp: idp.token(iat=int(time.time()) + 300),
    "without an end": lambda idp: idp.token(exp=None),
    "an end that is no time": lambda idp: idp.token(exp="tomorrow"),
    "an end that never comes": lambda idp: idp.token(exp=float("nan")),
    "without a subject": lambda idp: idp.token(sub=None),
    "a subject that is no text": lambda idp: idp.token(sub=7),
    "another audience": lambda idp: idp.token(aud="https://other.example.org"),
    "without an audience": lambda idp: idp.token(aud=None),
    "another issuer": lambda idp: idp.token(iss="https://evil.example.org"),
    "without an issuer": lambda idp: idp.token(iss=None),
    "an issuer that only begins so": lambda idp: idp.token(iss=f"{idp.issuer}/"),
    "nobody who is registered": lambda idp: idp.token(sub="mallory@example.org"),
    "altered": lambda idp: altered(idp.token()),
    "without its signature": lambda idp: idp.token().rpartition(".")[0] + ".",
    "unsigned": lambda idp: f"{b64({'alg': 'none'})}.{b64(idp.claims())}.",
    "unsigned, in capitals": lambda idp: f"{b64({'alg': 'NONE', 'kid': 'rsa-1'})}.{b64(idp.claims())}.",
    "unsigned, with a signature": lambda idp: f"{b64({'alg': 'none'})}.{b64(idp.claims())}.{b64(b'x' * 32)}",
    CONFUSED: lambda idp: by_hand({"alg": "HS256", "kid": "rsa-1"}, idp.claims(), idp.keys["rsa-1"].as_pem(private=False)),
    "the same in DER": lambda idp: by_hand({"alg": "HS256", "kid": "rsa-1"}, idp.claims(), idp.keys["rsa-1"].as_der(private=False)),
    "an empty shared secret": lambda idp: by_hand({"alg": "HS256"}, idp.claims(), b""),
    "a key of its own in the header": _with_own_key,
    "a key of its own at an address": lambda idp: idp.token(header={"jku": "http://127.0.0.1:1/jwks", "kid": "mine"}),
    "another key under the name of one": lambda idp: _by(RSAKey.generate_key(2048), "RS256", "rsa-1", idp),
    "the name of a key of the other kind": lambda idp: _by(ECKey.generate_key("P-256"), "ES256", "rsa-1", idp),
    "a file as the name of a key": lambda idp: idp.token(header={"kid": "../../../../dev/null"}),
    "a statement as the name of a key": lambda idp: idp.token(header={"kid": "x' UNION SELECT 'y"}),
    "a list as the name of a key": lambda idp: by_hand({"alg": "RS256", "kid": ["rsa-1"]}, idp.claims(), b"x"),
    "no name of a key, of several": lambda idp: idp.token(header={"kid": None}),
    "another algorithm of the same key": lambda idp: _by(idp.keys["rsa-1"], "PS256", "rsa-1", idp),
    "a header that must be understood": lambda _idp: by_hand({"alg": "RS256", "kid": "rsa-1", "crit": ["b64"], "b64": False}, {}, b"x"),
    "a header that is a list": lambda idp: by_hand([1], idp.claims(), b"x"),
    "claims that are a list": lambda _idp: by_hand({"alg": "HS256"}, [1], SECRET.encode()),
    "deeper than anybody reads": lambda _idp: f"{b64(b'[' * 3_000)}.{b64(b'{}')}.{b64(b'x')}",
    "longer than anybody sends": lambda idp: idp.token(more="x" * 9_000),
    "three dots and nothing": lambda _idp: "..",
}


async def refused(access: Access, token: str) -> str:
    with pytest.raises(Unauthenticated) as said:
        await access.authenticate(token)
    return str(said.value)


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
async def test_a_token_of_the_provider_is_that_of_the_linked_person(access: Access, provider: FakeIdentityProvider, kid: str):
    caller = await access.authenticate(provider.token(kid), address="192.0.2.7")

    assert caller == Caller(person="anna", channel="http", via="jwt:j-1", address="192.0.2.7", grants=(APPROVER,), groups=("leads",))


async def test_an_audience_may_be_one_of_several(access: Access, provider: FakeIdentityProvider):
    assert (await access.authenticate(provider.token(aud=["https://other.example.org", AUDIENCE]))).person == "anna"
    await refused(access, provider.token(aud=["https://other.example.org"]))
    await refused(access, provider.token(aud=[]))
    await refused(access, provider.token(aud=AUDIENCE[:-1]))


async def test_no_forged_token_opens_anything_and_all_are_told_the_same(access: Access, provider: FakeIdentityProvider):
    await access.authenticate(provider.token())

    said = {name: await refused(access, make(provider)) for name, make in FORGED.items()}

    assert len(said) == len(FORGED)
    assert set(said.values()) == {await refused(access, "gk_aaaaaaaa_" + "a" * 43)}


async def test_a_token_that_was_taken_back_opens_nothing(access: Access, provider: FakeIdentityProvider):
    token = provider.token(jti="j-stolen")
    await access.authenticate(token)

    await access.revoke_token("j-stolen")

    await refused(access, token)
    assert (await access.authenticate(provider.token(jti="j-other"))).person == "anna"


async def test_clocks_may_be_half_a_minute_apart(access: Access, provider: FakeIdentityProvider, clock: Clock):
    token = provider.token()

    clock.now = time.time() + 300 + 25
    assert (await access.authenticate(token)).person == "anna"
    clock.now = time.time() + 300 + 35
    await refused(access, token)


async def test_a_new_key_of_the_provider_is_fetched_but_not_for_every_unknown_name(clock: Clock):
    with FakeIdentityProvider() as other:
        keys = ProviderKeys(other.jwks_url, clock=clock)
        assert await keys.named("rsa-1") is not None
        other.rotate("rsa-2")

        early = [await keys.named(name) for name in ("rsa-2", "x", "y")]
        fetched_early = other.fetches
        clock.now += AGAIN_S
        late = await keys.named("rsa-2")
        gone = await keys.named("rsa-1")

    assert (early, fetched_early) == ([None, None, None], 1)
    assert late is not None
    assert (gone, other.fetches) == (None, 2)


async def test_known_keys_hold_for_a_day_while_the_provider_is_down(clock: Clock):
    with FakeIdentityProvider() as other:
        keys = ProviderKeys(other.jwks_url, clock=clock)
        await keys.named("rsa-1")
        other.status = 503
        clock.now += FRESH_S
        during = await keys.named("rsa-1")
        other.status, other.answer = 200, b"<html>maintenance</html>"
        clock.now += FRESH_S
        still = await keys.named("rsa-1")
        fetches = other.fetches
    clock.now += AGAIN_S
    away = await keys.named("rsa-1")
    clock.now += KEPT_S
    after = await keys.named("rsa-1")

    assert [found is None for found in (during, still, away)] == [False, False, False]
    assert fetches == 3
    assert after is None


async def test_shared_secrets_and_small_keys_of_a_provider_check_nothing(clock: Clock):
    with FakeIdentityProvider() as other:
        published = [
            {**OctKey.generate_key(256).as_dict(), "kid": "shared", "alg": "HS256"},
            {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "for sealing", "use": "enc"},
            {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "other", "alg": "RS512"},
            {"kty": "RSA", "kid": "small", "n": b64(b"\xc1" * 64), "e": "AQAB"},
            {"kty": "RSA", "kid": "broken", "n": "!"},
            {"kty": "PQC", "kid": "unknown"},
            "no key",
        ]
        other.answer = json.dumps({"keys": published}).encode()
        keys = ProviderKeys(other.jwks_url, clock=clock)

        found = [await keys.named(name) for name in ("shared", "for sealing", "other", "small", "broken", "unknown", None)]

    assert found == [None] * 7


async def test_roles_of_people_whom_nobody_registered_come_from_a_claim_where_that_was_asked_for(
    opened: Callable[..., Access], access: Access, provider: FakeIdentityProvider
):
    trusting = opened("realm.roles")
    guest = provider.token(sub="guest", realm={"roles": ["viewer", "approver", "baker"]}, genie_repos=["shop/*"])

    caller = await trusting.authenticate(guest)
    registered = await trusting.authenticate(provider.token(realm={"roles": ["admin"]}))

    assert caller.person == "jwt:guest"
    assert caller.grants == (Grant(role=Role.APPROVER, repo="shop/*"),)
    assert registered.grants == (APPROVER,)
    await refused(access, guest)
    await refused(trusting, provider.token(sub="guest", realm={"roles": ["baker"]}))
    await refused(trusting, provider.token(sub="guest", realm={"roles": ["admin"]}, genie_repos={"not": "a list"}))
    await refused(trusting, provider.token(sub="guest"))


async def test_an_own_token_is_worth_what_its_person_is_at_most(access: Access):
    signed = await access.sign_token(timedelta(hours=1), person="anna", grants=[Grant(role=Role.OPERATOR, repo="shop/*")])
    caller = await access.authenticate(signed.token)
    await access.set_person("anna", grants=[Grant(role=Role.VIEWER)])
    lowered = await access.authenticate(signed.token)

    assert caller == Caller(
        person="anna", channel="http", via=signed.id, grants=(Grant(role=Role.OPERATOR, repo="shop/*"),), groups=("leads",)
    )
    assert lowered.grants == (Grant(role=Role.VIEWER, repo="shop/*"),)
    assert signed.token not in repr(signed)
    with pytest.raises(Forbidden):
        await access.sign_token(timedelta(hours=1), person="anna", grants=[ADMIN])
    with pytest.raises(InvalidInput):
        await access.sign_token(timedelta(hours=25), person="anna")


async def test_an_own_token_ends_with_its_key_its_person_and_by_its_number(access: Access, clock: Clock):
    key = await access.create_key("ci", [APPROVER], person="anna")
    caller = await access.authenticate(key.key)
    with acting_as(caller):
        of_key = await access.sign_token(timedelta(hours=1))
    others = [await access.sign_token(timedelta(hours=1), person="anna") for _ in range(2)]
    bearer = await access.authenticate(of_key.token)

    assert bearer.may(Deed.DECIDE, "any")
    with acting_as(bearer), pytest.raises(Forbidden, match="signs no other"):
        await access.sign_token(timedelta(hours=1))
    await access.revoke_key(key.id)
    await refused(access, of_key.token)
    await access.revoke_token(others[0].id)
    await refused(access, others[0].token)
    assert (await access.authenticate(others[1].token)).person == "anna"
    await access.remove_person("anna")
    await refused(access, others[1].token)
    clock.now = time.time() + 5
    await access.add_person("anna", [ADMIN])


async def test_an_own_token_is_for_this_database_and_this_form(access: Access, database: Database):
    audience = await database_id(database.pool)
    now = int(time.time())
    good = {"iss": "genie", "aud": audience, "sub": "anna", "jti": "t-1", "iat": now, "exp": now + 60, "grants": ["viewer"]}
    wrong = [
        {**good, "aud": "another database"},
        {**good, "iss": "other"},
        {**good, "exp": now - 60},
        {**good, "sub": "nobody"},
        {**good, "grants": ["emperor"]},
        {**good, "grants": "viewer"},
        {**good, "jti": ""},
        {**good, "key": "k-0000000000"},
        {**good, "iat": now - 3_600},
        {name: value for name, value in good.items() if name != "exp"},
    ]

    assert (await access.authenticate(by_hand({"alg": "HS256"}, good, SECRET.encode()))).person == "anna"
    for claims in wrong:
        await refused(access, by_hand({"alg": "HS256"}, claims, SECRET.encode()))
    await refused(access, by_hand({"alg": "HS256"}, good, b"another secret that is long enough, too"))


async def test_without_a_secret_and_without_a_provider_no_token_holds(database: Database, provider: FakeIdentityProvider):
    bare = Access(database.pool, Trusted())
    await bare.add_person("root", [ADMIN])

    await refused(bare, provider.token())
    await refused(bare, by_hand({"alg": "HS256"}, provider.claims(), b""))
    with pytest.raises(InvalidInput, match="GENIE_JWT_SECRET"):
        await bare.sign_token(timedelta(hours=1), person="root")
