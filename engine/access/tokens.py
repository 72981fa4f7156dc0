"""Tokens: Genie's own, signed for a short time, and those of an identity provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import OctKey

from db.connection import Pool
from db.epics import Row
from db.identity import database_id
from db.keys import grants_in
from db.people import asked_token
from engine.access.claimed_roles import claimed_grants
from engine.access.provider import ProviderKeys
from engine.access.signed import NotHeld, header_of, held_claims
from engine.access.trusted import Trusted
from engine.access.views import NewToken
from epics.callers import Caller
from epics.errors import InvalidInput
from epics.granting import capped, grant_text, grants_from
from epics.ids import new_id
from epics.roles import Grant

ISSUER: Final = "genie"
LONGEST: Final = timedelta(hours=24)

_OWN: Final = "HS256"
_PROVIDERS: Final = frozenset({"RS256", "ES256"})


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """Whom a token says that it is for, and what it asks the database about."""

    jti: str
    person: str | None = None
    """Of one of Genie's own: the person by name."""
    identity: str | None = None
    """Of one of the provider's: issuer and subject."""
    key: str = ""
    """The key that one of Genie's own was signed for; it ends with that."""
    grants: tuple[Grant, ...] | None = None
    """What one of Genie's own is worth at most; of the provider's, what its roles give somebody whom nobody registered."""
    issued_at: float = 0.0


class Tokens:
    """Signs and checks tokens."""

    def __init__(self, pool: Pool, trusted: Trusted, *, clock: Callable[[], float] = time.time, keys: ProviderKeys | None = None) -> None:
        """Bind to the database and to what is trusted.

        Args:
            pool: the database.
            trusted: the secret of own tokens, and the provider.
            clock: seconds of the Unix epoch.
            keys: of the provider; None for those at its address.
        """
        self._pool = pool
        self._trusted = trusted
        self._clock = clock
        self._keys = keys or (ProviderKeys(trusted.provider.jwks_url) if trusted.provider is not None else None)

    async def sign(self, person: str, grants: Sequence[Grant], lasts: timedelta, *, key: str = "") -> NewToken:
        """A token for a person; the caller has seen to it that it may have one.

        Raises:
            InvalidInput: if it is to last too long, or there is no secret to sign with.
        """
        if not timedelta() < lasts <= LONGEST:
            hours = LONGEST.total_seconds() / 3_600
            raise InvalidInput(f"a token lasts for more than nothing and at most {hours:.0f}h: what is to last longer is a key")
        secret = self._secret()
        if secret is None:
            raise InvalidInput(
                "there is no secret to sign tokens with: set GENIE_JWT_SECRET, the same on every host, or `genie secret set jwt_secret`"
            )
        now, number = int(self._clock()), new_id("t")
        ends = now + int(lasts.total_seconds())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": await database_id(self._pool),
            "sub": person,
            "jti": number,
            "iat": now,
            "nbf": now,
            "exp": ends,
            "grants": [grant_text(grant) for grant in grants],
            **({"key": key} if key else {}),
        }
        token = jwt.encode({"alg": _OWN, "typ": "JWT"}, claims, secret, algorithms=[_OWN])
        return NewToken(token=token, id=number, person=person, grants=tuple(grants), expires_at=datetime.fromtimestamp(ends, UTC))

    async def caller(self, token: str, *, channel: str, address: str) -> Caller | str:
        """Who shows a token; or why it does not hold, for the log."""
        try:
            claim = await self._claim(token)
        except NotHeld as error:
            # The database is asked all the same: a refusal for a signature takes as long as one for a person.
            await asked_token(self._pool, jti="", person="", identity=None, key="")
            return f"a token does not hold: {error}"
        row = await asked_token(self._pool, jti=claim.jti, person=claim.person, identity=claim.identity, key=claim.key)
        return _judged(claim, row, channel=channel, address=address)

    async def _claim(self, token: str) -> _Claim:
        header = header_of(token)
        # The algorithm says whom to ask, and each has keys of one kind only: a public key is never taken for a shared secret.
        if header.get("alg") == _OWN:
            return await self._own(token)
        if header.get("alg") in _PROVIDERS:
            return await self._foreign(token, header)
        raise NotHeld("its algorithm is none that is taken here")

    async def _own(self, token: str) -> _Claim:
        secret = self._secret()
        if secret is None:
            raise NotHeld("there is no secret that could have signed it")
        audience = await database_id(self._pool)
        claims = held_claims(token, secret, _OWN, issuer=ISSUER, audience=audience, now=self._clock())
        texts, key, issued = claims.get("grants"), claims.get("key", ""), claims.get("iat", 0)
        if not isinstance(texts, list) or not isinstance(key, str) or not isinstance(issued, int | float) or not claims.get("jti"):
            raise NotHeld("it is signed by Genie, and not in the form that Genie gives to tokens")
        try:
            grants = grants_from(None, (), [text if "=" in text else f"{text}=**" for text in map(str, texts)])
        except InvalidInput as error:
            raise NotHeld("it has a grant that is none") from error
        return _Claim(jti=claims["jti"], person=claims["sub"], key=key, grants=grants, issued_at=float(issued))

    async def _foreign(self, token: str, header: Mapping[str, Any]) -> _Claim:
        provider = self._trusted.provider
        if provider is None or self._keys is None:
            raise NotHeld("there is no identity provider that could have signed it")
        found = await self._keys.named(header.get("kid"))
        if found is None:
            raise NotHeld("the identity provider has no key of that name")
        algorithm, key = found
        claims = held_claims(token, key, algorithm, issuer=provider.issuer, audience=provider.audience, now=self._clock())
        return _Claim(
            jti=claims.get("jti", ""),
            identity=f"{provider.issuer} {claims['sub']}",
            grants=claimed_grants(claims, provider.roles_claim),
        )

    def _secret(self) -> OctKey | None:
        secret = self._trusted.jwt_secret
        return None if secret is None else OctKey.import_key(secret.get_secret_value())


def _judged(claim: _Claim, row: Row, *, channel: str, address: str) -> Caller | str:
    if row["revoked"]:
        return f"token {claim.jti} was taken back"
    if claim.key and row["key_gone"]:
        return f"token {claim.jti} was signed for key {claim.key}, which does not hold any more"
    is_own = claim.identity is None
    via = claim.jti if is_own else f"jwt:{claim.jti or claim.identity}"
    if row["name"] is None:
        if is_own or not claim.grants:
            return f"token {claim.jti} is that of nobody who is registered here, and has no role"
        name = f"jwt:{(claim.identity or '').partition(' ')[2]}"
        return Caller(person=name, channel=channel, via=via, address=address, grants=claim.grants)
    if is_own and claim.issued_at + 1 < row["created_at"].timestamp():
        return f"token {claim.jti} was signed for an earlier person of that name"
    grants = grants_in(row["grants"])
    if is_own:
        grants = capped(claim.grants or (), grants)
    return Caller(person=row["name"], channel=channel, via=via, address=address, grants=grants, groups=tuple(row["groups"]))
