"""What came from Slack and is to be done: kept before it is acknowledged, and claimed by whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from epics.access_errors import SecretUnreadable
from epics.errors import InvalidSettings

DEAD_KEPT_DAYS: Final = 30

_SEALED: Final = "gs1."


@dataclass(frozen=True, kw_only=True)
class InboxRow:
    """Something that came, as it is kept."""

    key: str
    payload: str
    tries: int
    received_at: datetime


class SlackInbox:
    """The rows of what came."""

    def __init__(self, pool: Pool) -> None:
        """Bind to an open database."""
        self._pool = pool

    async def keep(self, key: str, kind: str, payload: str, *, seconds: float) -> bool:
        """Keep something, and have it claimed for so long; False if it came before.

        Args:
            key: how it is known.
            kind: what it is.
            payload: all that is needed to do it; sealed if there is a key.
            seconds: how long nobody else is at it.
        """
        given = {"key": key, "kind": kind, "payload": await self._sealed(key, payload), "seconds": seconds}
        return await fetch_one(self._pool, "keep_in_slack_inbox", given) is not None

    async def claim(self, *, seconds: float, most: int) -> list[InboxRow]:
        """Claim what nobody is at, the oldest first."""
        return [_row(row) for row in await fetch_all(self._pool, "claim_from_slack_inbox", {"seconds": seconds, "most": most})]

    async def leave_alone(self, key: str, *, seconds: float) -> None:
        """Let nobody else be at something for so long from now."""
        await fetch_one(self._pool, "keep_slack_inbox_claim", {"key": key, "seconds": seconds})

    async def done(self, key: str) -> None:
        """Note that something is done, and forget what it was."""
        await fetch_one(self._pool, "slack_inbox_done", {"key": key})

    async def bury(self, *, most: int, seconds: float) -> list[InboxRow]:
        """Give up what was tried so often, or again and again for so long."""
        return [_row(row) for row in await fetch_all(self._pool, "bury_in_slack_inbox", {"most": most, "seconds": seconds})]

    async def payload_of(self, row: InboxRow) -> str:
        """What is needed to do something.

        Raises:
            SecretUnreadable: if it is sealed, and the key is not here.
        """
        return await self._pool.sealer.opened(row.payload, context_of(row.key)) if row.payload.startswith(_SEALED) else row.payload

    async def _sealed(self, key: str, payload: str) -> str:
        try:
            return await self._pool.sealer.sealed(payload, context_of(key))
        except (SecretUnreadable, InvalidSettings):
            # Better in clear for a moment, as goals and sayings are for good, than lost.
            return payload


async def prune_slack_inbox(pool: Pool) -> None:
    """Forget what was done a day ago, and what was given up long ago."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["prune_slack_inbox"], {"days": DEAD_KEPT_DAYS})


def context_of(key: str) -> str:
    """What a sealed payload is bound to."""
    return f"slack_inbox.payload:{key}"


def _row(row: Row) -> InboxRow:
    return InboxRow(key=row["key"], payload=row["payload"], tries=row["tries"], received_at=row["received_at"])
