"""Secrets that are kept in the database, sealed: stored, listed, removed. Nothing here gives a value back."""

from __future__ import annotations

from typing import Any, Final

from config.settings import Settings
from db.audit import audited
from db.connection import Pool
from db.failures import foreseen
from db.secrets import delete_secret, list_secrets, put_secret
from engine.assembling import Installation
from engine.mcp.secrets import MCP_SECRET
from engine.rotating import Told, rotate
from engine.scanning import scan
from engine.secret_views import RotationView, SecretView, Suspect
from engine.stored_settings import STORED, context_of, stored_settings
from epics.access_errors import SecretNotFound
from epics.callers import current_caller
from epics.errors import InvalidInput

_MOST: Final = 10_000
_FORMS: Final = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}
_SHORTEST: Final = {"jwt_secret": 32}


class Secrets:
    """The stored secrets of an installation."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._pool: Pool = installation.database.pool
        self._masters = installation.masters
        self._known = installation.secrets

    async def settings(self, settings: Settings) -> Settings:
        """The settings with what is stored; see `stored_settings`."""
        return await stored_settings(settings, self._pool)

    def clean(self, value: Any) -> Any:  # any JSON
        """The value without secrets: for whatever leaves this machine."""
        return self._pool.clean(value)

    async def all(self) -> tuple[SecretView, ...]:
        """What is stored, by name."""
        return tuple(SecretView.model_validate(row) for row in await list_secrets(self._pool))

    async def set(self, name: str, value: str) -> None:
        """Store a secret in place of the one of that name, if there is one.

        Raises:
            InvalidInput: if there is no such setting, or the value cannot be one; the value is not quoted.
            SecretUnreadable: if there is no key to seal it with.
        """
        _check_name(name)
        clean = value.strip()
        _check_value(name, clean)
        sealed = await self._pool.sealer.sealed(clean, context_of(name))
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                await put_secret(connection, name, sealed, current_caller().person)
                await audited(connection, "set", kind="secret", subject=name)

    async def rotate(self, *, new: str | None, told: Told) -> RotationView:
        """Seal everything anew; see `engine.rotating.rotate`."""
        return await rotate(self._pool, self._masters, new=new, told=told)

    async def scan(self, *, told: Told) -> tuple[Suspect, ...]:
        """Look for secrets that stand in the database in clear; see `engine.scanning.scan`."""
        return await scan(self._pool, self._known, told=told)

    async def remove(self, name: str) -> None:
        """Forget a stored secret.

        Raises:
            SecretNotFound: if it is not stored.
        """
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                if not await delete_secret(connection, name):
                    raise SecretNotFound(f"there is no stored secret {name[:80]!r}: see `genie secret list`")
                await audited(connection, "remove", kind="secret", subject=name)


def _check_name(name: str) -> None:
    if name not in STORED and not MCP_SECRET.fullmatch(name):
        known = ", ".join(STORED)
        raise InvalidInput(f"there is no secret {name[:80]!r} to store; there are {known}, and mcp_… for what MCP servers are given")


def _check_value(name: str, value: str) -> None:
    if not value or len(value) > _MOST or any(each.isspace() or not each.isprintable() for each in value):
        raise InvalidInput(f"the value of {name} must be one word of 1 to {_MOST} characters; it is not shown here")
    if not value.startswith(_FORMS.get(name, "")):
        raise InvalidInput(f"the value of {name} must begin with {_FORMS[name]}; it is not shown here")
    if len(value) < _SHORTEST.get(name, 1):
        raise InvalidInput(f"the value of {name} must have {_SHORTEST[name]} characters or more; it is not shown here")
