"""The rows of webhooks: who is told of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from db.audit import audited
from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where messages are sent, and what they are signed with."""

    name: str
    url: str
    secret: str = field(repr=False)
    """As it is kept: sealed, unless it is older than that."""
    allow_private: bool


async def insert_webhook(pool: Pool, target: Target, events: Sequence[str]) -> bool:
    """Add a webhook; False if the name is taken."""
    values = {"name": target.name, "url": target.url, "events": list(events), "secret": target.secret}
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            added = await connection.execute(QUERIES["insert_webhook"], {**values, "allow_private": target.allow_private})
            if await added.fetchone() is None:
                return False
            # Not the whole URL: with some receivers its path is the secret.
            told = {"host": urlsplit(target.url).hostname or "", "events": list(events), "allow_private": target.allow_private}
            await audited(connection, "add", kind="webhook", subject=target.name, data=told)
            return True


async def list_webhooks(pool: Pool, name: str | None = None) -> list[Row]:
    """All webhooks, or the one with this name, with what waits for each; never with a secret."""
    return await fetch_all(pool, "list_webhooks", {"name": name})


async def find_webhook(pool: Pool, name: str) -> tuple[int, Target] | None:
    """The number of a webhook and its target, or None."""
    row = await fetch_one(pool, "webhook_target", {"name": name})
    return None if row is None else (row["id"], target_in(row))


async def stored_webhook_secrets(pool: Pool) -> dict[str, str]:
    """What each webhook's messages are signed with, as it is kept."""
    return {row["name"]: row["secret"] for row in await fetch_all(pool, "webhook_secrets", {})}


async def clear_webhook_secrets(pool: Pool) -> dict[str, str]:
    """The secrets that are not sealed yet, by webhook."""
    return {row["name"]: row["secret"] for row in await fetch_all(pool, "clear_webhook_secrets", {})}


async def seal_webhook_secret(pool: Pool, name: str, *, clear: str, sealed: str) -> None:
    """Put a sealed secret in place of a clear one, if that is still there."""
    await fetch_one(pool, "seal_webhook_secret", {"name": name, "clear": clear, "sealed": sealed})


async def delete_webhook(pool: Pool, name: str) -> bool:
    """Remove a webhook with all its messages; False if there is none."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            if await (await connection.execute(QUERIES["delete_webhook"], {"name": name})).fetchone() is None:
                return False
            await audited(connection, "remove", kind="webhook", subject=name)
            return True


def target_in(row: Row) -> Target:
    """The target that a row names."""
    return Target(name=row["name"], url=row["url"], secret=row["secret"], allow_private=row["allow_private"])
