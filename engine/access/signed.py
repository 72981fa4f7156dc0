"""What a signed token says, taken out of it only when its signature, its issuer, its audience and its times hold."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry, extract_compact

LEEWAY_S: Final = 30
"""How far the clocks of two machines may be apart."""

LONGEST: Final = 8_192
"""Characters of a token; a header of HTTP takes no more."""

_MOST_HEADER: Final = 4_096
_LONGEST_TEXT: Final = 500

AnyKey = OctKey | RSAKey | ECKey


class NotHeld(Exception):
    """A token does not hold; why is for the log, and has nothing of the token in it."""


class _Headers(JWSRegistry):
    """Takes the headers that providers send: a chain of certificates makes them long, and is not read."""

    max_header_length = _MOST_HEADER


def header_of(token: str) -> Mapping[str, Any]:
    """The header of a token that nobody has checked yet: good for choosing whom to ask, and for nothing else.

    Raises:
        NotHeld: if it is no signed token.
    """
    if len(token) > LONGEST or not token.isascii():
        raise NotHeld("it is too long for a token, or no token")
    try:
        header = extract_compact(token.encode("ascii"), registry=_Headers()).headers()
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotHeld(f"it is no signed token: {type(error).__name__}") from error
    if not isinstance(header, Mapping) or "crit" in header or "b64" in header:
        raise NotHeld("its header demands what Genie does not do")
    return header


def held_claims(token: str, key: AnyKey, algorithm: str, *, issuer: str, audience: str, now: float) -> Mapping[str, Any]:
    """What a token says.

    Args:
        token: as it was sent.
        key: of whom it must be signed by.
        algorithm: the one that belongs to this key; that in the header must be the same.
        issuer: what `iss` must be.
        audience: what `aud` must be, or have among others.
        now: seconds of the Unix epoch.

    Raises:
        NotHeld: if anything of it is not as it must be; without `exp` and `sub` it does not hold either.
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    algorithms: Collection[str] = [algorithm]
    try:
        decoded = jwt.decode(token, key, algorithms=algorithms, registry=_Headers(algorithms=algorithms, strict_check_header=False))
        registry.validate(decoded.claims)
    except (JoseError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise NotHeld(type(error).__name__) from error
    if not math.isfinite(decoded.claims["exp"]):
        raise NotHeld("its end is no time")
    subject, number = decoded.claims["sub"], decoded.claims.get("jti", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_TEXT or not subject.isprintable():
        raise NotHeld("its subject is no name")
    if not isinstance(number, str) or len(number) > _LONGEST_TEXT:
        raise NotHeld("its number is none")
    return decoded.claims
