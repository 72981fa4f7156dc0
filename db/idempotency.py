"""Answers that are kept under a client's key, so that a start that is asked for again is not done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from db.connection import Connection, Pool
from db.epics import fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from epics.errors import IdempotencyKeyReused

KEPT_HOURS: Final = 24


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a client calls its request, who it is, and the hash of the values that it asked with."""

    name: str
    person: str
    request_hash: str

    @property
    def stored(self) -> str:
        """What it is kept under: others may call their requests the same, and must not be told of this one. No name has a line break."""
        return f"{self.name}\n{self.person}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was answered first: the epic, and the JSON to the letter."""

    epic_id: str
    json: str


class KeyTaken(Exception):
    """Another start under the same key has committed meanwhile; whoever sees this rolls back, and reads the answer."""


async def stored_answer(pool: Pool, key: Key) -> Answer | None:
    """The answer that was given under a key, if it is still kept.

    Raises:
        IdempotencyKeyReused: if the key stands for a request with other values.
    """
    row = await fetch_one(pool, "stored_answer", {"key": key.stored, "hours": KEPT_HOURS})
    if row is None:
        return None
    if row["request_hash"] != key.request_hash:
        raise IdempotencyKeyReused(key.name, row["epic_id"])
    return Answer(epic_id=row["epic_id"], json=row["answer"])


async def store_answer(connection: Connection, key: Key, answer: Answer) -> None:
    """Keep an answer in the transaction that makes it true; of several under one key the first to get here wins.

    Raises:
        KeyTaken: if another one was quicker; the transaction must be rolled back.
    """
    values = {"key": key.stored, "request_hash": key.request_hash, "epic": answer.epic_id, "answer": answer.json, "hours": KEPT_HOURS}
    with foreseen():
        if await (await connection.execute(QUERIES["store_answer"], values)).fetchone() is None:
            raise KeyTaken
        await connection.execute(QUERIES["forget_old_answers"], {"hours": KEPT_HOURS})
