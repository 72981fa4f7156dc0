"""What an installation takes for true about who asks."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from config.settings import Settings
from epics.errors import InvalidSettings


@dataclass(frozen=True, kw_only=True)
class IdentityProvider:
    """Who signs tokens for this installation, beside itself."""

    jwks_url: str
    """Where its public keys are."""
    issuer: str
    audience: str
    roles_claim: str | None = None
    """The claim that holds roles of people who are not registered here; None lets only people in who are."""


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """The secrets and the issuer that keys and tokens are held against."""

    key: SecretStr | None = None
    """What a command on the database itself shows; None for the user of the operating system."""
    jwt_secret: SecretStr | None = None
    """What Genie signs its own tokens with; None for no such tokens."""
    provider: IdentityProvider | None = None


def trusted_by(settings: Settings) -> Trusted:
    """What the settings say.

    Raises:
        InvalidSettings: if there is an identity provider whose issuer or audience is not said: any token of its would open everything.
    """
    return Trusted(key=settings.key, jwt_secret=settings.jwt_secret, provider=_provider(settings))


def _provider(settings: Settings) -> IdentityProvider | None:
    url, issuer, audience = settings.jwks_url, settings.jwt_issuer, settings.jwt_audience
    if url is None:
        return None
    if not issuer or not audience:
        raise InvalidSettings("GENIE_JWKS_URL needs GENIE_JWT_ISSUER and GENIE_JWT_AUDIENCE beside it: whose tokens hold, and for whom")
    return IdentityProvider(jwks_url=url, issuer=issuer, audience=audience, roles_claim=settings.jwt_roles_claim)
