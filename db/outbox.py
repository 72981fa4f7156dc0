"""Messages to send: claimed for a while, then delivered, put off, or dead."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from db.audit import audited
from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.webhooks import Target, target_in


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message that this process has claimed."""

    id: int
    claim: uuid.UUID
    webhook: int
    epic: str
    event: int
    topic: str
    data: dict[str, Any]
    tries: int
    target: Target


async def claim_messages(pool: Pool, *, seconds: float, each: int, most: int) -> list[Message]:
    """Claim messages that are due: of each epic and endpoint the first that is not settled.

    Args:
        pool: connections to the database.
        seconds: how long nobody else sends them.
        each: how many an endpoint may be sent at a time, by all processes.
        most: how many to claim.
    """
    claim = uuid.uuid4()
    rows = await fetch_all(pool, "claim_messages", {"claim": claim, "seconds": seconds, "each": each, "most": most})
    return [
        Message(
            id=row["id"],
            claim=claim,
            webhook=row["webhook_id"],
            epic=row["epic_id"],
            event=row["event"],
            topic=row["topic"],
            data=row["data"],
            tries=row["tries"],
            target=target_in(row),
        )
        for row in rows
    ]


async def message_delivered(pool: Pool, message: Message, answer: int) -> None:
    """Note that a message arrived; nothing is noted if the claim is over, since another process then sends it again."""
    await fetch_one(pool, "message_delivered", {"id": message.id, "claim": message.claim, "answer": answer})


async def message_failed(pool: Pool, message: Message, *, answer: int | None, problem: str, wait_s: float, give_up_s: float) -> bool:
    """Put a message off, and return whether it is dead instead: its next try would come more than `give_up_s` after its first."""
    row = await fetch_one(
        pool,
        "message_failed",
        {
            "id": message.id,
            "claim": message.claim,
            "webhook": message.webhook,
            "epic": message.epic,
            "answer": answer,
            "problem": problem,
            "wait": wait_s,
            "give_up": give_up_s,
        },
    )
    return row is not None and bool(row["dead"])


async def list_messages(pool: Pool, webhook: int, *, dead: bool, limit: int) -> list[Row]:
    """The messages of a webhook, newest first."""
    return await fetch_all(pool, "list_messages", {"webhook": webhook, "dead": dead, "limit": limit})


async def resend_message(pool: Pool, message: int) -> bool:
    """Make a message due now, whatever became of it; False if there is none."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            if await (await connection.execute(QUERIES["resend_message"], {"id": message})).fetchone() is None:
                return False
            await audited(connection, "resend", kind="message", subject=str(message))
            return True


async def resend_dead(pool: Pool, webhook: int | None) -> int:
    """Make the dead messages of a webhook, or of all, due now; returns how many."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            due = await (await connection.execute(QUERIES["resend_dead"], {"webhook": webhook})).fetchall()
            await audited(
                connection, "resend", kind="messages", subject="all" if webhook is None else str(webhook), data={"count": len(due)}
            )
            return len(due)


async def prune_messages(pool: Pool, days: int) -> int:
    """Forget some messages that were settled so many days ago; returns how many."""
    return len(await fetch_all(pool, "prune_messages", {"days": days}))
