"""Settings that are secret and stand in the database, for whoever has them not in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog
from pydantic import SecretStr

from config.settings import Settings
from db.connection import Pool
from db.secrets import sealed_secrets
from epics.access_errors import SecretUnreadable

STORED: Final[Mapping[str, str]] = {
    "anthropic_api_key": "the key of Anthropic",
    "openai_api_key": "the key of OpenAI",
    "slack_bot_token": "the bot token of the Slack app, xoxb-…",
    "slack_signing_secret": "the signing secret of the Slack app",
    "slack_app_token": "the app-level token of the Slack app, xapp-…, for Socket Mode",
    "jwt_secret": "what Genie signs its own tokens with",
}
"""The secrets that can be stored, each under the name of the setting that it stands for."""


async def stored_settings(settings: Settings, pool: Pool) -> Settings:
    """The settings, with what is stored in place of each secret that the environment does not have.

    What cannot be opened here is as if it were not stored: the log says which key it needs.
    """
    return settings.model_copy(update={name: SecretStr(value) for name, value in (await _opened(settings, pool)).items()})


def of_environment(settings: Settings) -> frozenset[str]:
    """The names of those secrets that the environment has, which count there."""
    return frozenset(name for name in STORED if getattr(settings, name, None) is not None)


def context_of(name: str) -> str:
    """Where a stored secret stands."""
    return f"secrets.sealed:{name}"


async def _opened(settings: Settings, pool: Pool) -> dict[str, str]:
    found = dict[str, str]()
    shut = dict[str, str]()
    kept = await sealed_secrets(pool)
    for name in kept.keys() & STORED.keys() & type(settings).model_fields.keys() - of_environment(settings):
        try:
            found[name] = await pool.sealer.opened(kept[name], context_of(name))
        except SecretUnreadable as error:
            shut[name] = str(error)
    if shut:
        why = next(iter(shut.values()))
        structlog.get_logger().warning("stored secrets cannot be opened, and count as not set", secrets=sorted(shut), why=why)
    return found
