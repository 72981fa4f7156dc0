"""Starting an epic or a run once, however often a client asks for it under one key."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from pydantic import BaseModel

from db.connection import Connection
from db.epics import Within
from db.idempotency import Answer, Key, KeyTaken, store_answer, stored_answer
from engine.assembling import Installation
from engine.reading import epic_view_on
from engine.starting import StartEpic, start_epic
from epics.callers import current_caller
from epics.errors import InvalidInput, StoreUnavailable

_LONGEST_KEY: Final = 255


@dataclass(frozen=True, kw_only=True)
class Started:
    """An epic or a run that was started, now or before."""

    epic_id: str
    json: str
    """It as it was when it was started; the same to the letter each time."""
    replayed: bool


Begin = Callable[[Within], Awaitable[str]]
"""Starts what is asked for, with what is to be written in the same transaction, and returns its id."""

Show = Callable[[Connection, str], Awaitable[BaseModel]]
"""What was started, as the transaction that made it sees it."""


class OnceStarter:
    """Starts epics and runs under keys.

    An answer is kept in the transaction that makes its epic, so there is never one without the other. What had no effect is not kept:
    whoever mends what was refused may use the same key again.
    """

    def __init__(self, installation: Installation) -> None:
        """Begin with no start under way."""
        self._installation = installation
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self, asked: StartEpic, name: str) -> Started:
        """Start an epic, or give the answer that the first start under this key was given.

        Raises:
            IdempotencyKeyReused: if the key stands for another request.
            InvalidInput: if the key cannot be one, or as in `start_epic`.
        """
        # What an older release did not know, and nobody asked for, is no other request.
        values = {field: value for field, value in asdict(asked).items() if field != "attempts" or value is not None}
        return await self.once(name, values, lambda within: start_epic(self._installation, asked, within=within), epic_view_on)

    async def once(self, name: str, values: Mapping[str, Any], begin: Begin, show: Show) -> Started:
        """As `start`, for whatever is begun and shown by these functions; `values` are what makes two requests the same one."""
        key = Key(name=_checked(name), person=current_caller().person, request_hash=_hash(values))
        # The database lets one win; in this process the others also spare themselves the work of looking at the repository.
        lock = self._locks.setdefault(key.stored, asyncio.Lock())
        async with lock:
            found = await stored_answer(self._installation.database.pool, key)
            if found is not None:
                return Started(epic_id=found.epic_id, json=found.json, replayed=True)
            try:
                return await self._start(key, begin, show)
            except KeyTaken:
                return await self._answer_of_the_winner(key)

    async def _start(self, key: Key, begin: Begin, show: Show) -> Started:
        answers: list[Answer] = []

        async def keep(connection: Connection, epic_id: str) -> None:
            view = await show(connection, epic_id)
            answers.append(Answer(epic_id=epic_id, json=view.model_dump_json()))
            await store_answer(connection, key, answers[-1])

        await begin(keep)
        return Started(epic_id=answers[-1].epic_id, json=answers[-1].json, replayed=False)

    async def _answer_of_the_winner(self, key: Key) -> Started:
        found = await stored_answer(self._installation.database.pool, key)
        if found is None:
            message = "another start under the same idempotency key ended at this very moment; ask again"
            raise StoreUnavailable(message)
        return Started(epic_id=found.epic_id, json=found.json, replayed=True)


def _checked(name: str) -> str:
    if not 1 <= len(name) <= _LONGEST_KEY or not name.isascii() or not name.isprintable():
        message = f"an idempotency key has 1 to {_LONGEST_KEY} printable ASCII characters, such as a UUID"
        raise InvalidInput(message)
    return name


def _hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
