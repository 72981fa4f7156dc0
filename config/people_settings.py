"""Settings of what people meet: the HTTP server, Slack, and the secrets that are kept for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from config.setting_types import BaseUrl, Key, bearer, existing_file, secure_url


class HttpSettings(BaseSettings):
    """Who may ask a server, and how it is reached."""

    key: Annotated[Key, AfterValidator(bearer)] | None = Field(
        default=None, description="a key as `genie key create` prints it, or a token"
    )
    allow_plain_http: bool = Field(default=False, description="true or false")
    jwt_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(default=None, description="at least 32 random characters")
    jwks_url: Annotated[str, AfterValidator(secure_url)] | None = Field(
        default=None, description="a URL that begins with https://, or with http:// for this machine's own"
    )
    jwt_issuer: str | None = Field(default=None, min_length=1, max_length=500, description="the `iss` of the identity provider's tokens")
    jwt_audience: str | None = Field(default=None, min_length=1, max_length=500, description="the `aud` that its tokens for Genie have")
    jwt_roles_claim: str | None = Field(
        default=None, min_length=1, max_length=500, description="the name of a claim, with dots for one inside another"
    )


class SlackSettings(BaseSettings):
    """The Slack app of this installation."""

    slack_bot_token: Key | None = Field(default=None, description="the bot token of the Slack app, xoxb-…")
    slack_signing_secret: Key | None = Field(default=None, description="the signing secret of the Slack app")
    slack_app_token: Key | None = Field(default=None, description="an app-level token, xapp-…; with it Socket Mode is used")
    slack_channel: str | None = Field(
        default=None, max_length=100, description="the id of the channel for repositories without one of their own"
    )
    slack_api_url: BaseUrl = Field(default="https://slack.com/api/", description="a URL that begins with http:// or https://")
    public_url: BaseUrl | None = Field(default=None, description="where people reach this installation: http:// or https://")


class SecretSettings(BaseSettings):
    """What seals the secrets that are kept in the database."""

    secret_key: Key | None = Field(default=None, description="32 bytes in base64, as `genie secret key` prints them")
    secret_key_file: Annotated[Path, AfterValidator(existing_file)] | None = Field(default=None, description="a file with such a key")
    seal_journal: bool = Field(default=False, description="true or false")
