"""The signing secrets of webhooks: sealed where they stand, and opened to sign."""

from __future__ import annotations

from dataclasses import replace

import structlog

from db.connection import Pool
from db.webhooks import Target, clear_webhook_secrets, seal_webhook_secret, stored_webhook_secrets
from epics.access_errors import SecretUnreadable
from safety.sealed_texts import is_sealed


def context_of(webhook: str) -> str:
    """Where the secret of a webhook stands."""
    return f"webhooks.secret:{webhook}"


async def opened(pool: Pool, target: Target) -> Target:
    """A target with the secret that its messages are signed with.

    Raises:
        SecretUnreadable: if it cannot be opened here.
    """
    if not is_sealed(target.secret):
        # Of before secrets were sealed, and no process with a key has seen it yet.
        return target
    return replace(target, secret=await pool.sealer.opened(target.secret, context_of(target.name)))


async def seal_what_is_clear(pool: Pool) -> None:
    """Seal what was stored before there was a key; without one it stays as it is. Any number of processes may do it at once."""
    for name, secret in (await clear_webhook_secrets(pool)).items():
        try:
            sealed = await pool.sealer.sealed(secret, context_of(name))
        except SecretUnreadable as error:
            structlog.get_logger().warning("secrets of webhooks stand in the database in clear", why=str(error))
            return
        await seal_webhook_secret(pool, name, clear=secret, sealed=sealed)


async def known_webhook_secrets(pool: Pool) -> tuple[str, ...]:
    """What messages are signed with, as far as it can be opened here: never shown, but for keeping it out of texts."""
    found = list[str]()
    for name, secret in (await stored_webhook_secrets(pool)).items():
        try:
            found.append(await pool.sealer.opened(secret, context_of(name)) if is_sealed(secret) else secret)
        except SecretUnreadable as error:
            structlog.get_logger().info("the secret of a webhook cannot be opened, nor be looked for", webhook=name, why=str(error))
    return tuple(found)
