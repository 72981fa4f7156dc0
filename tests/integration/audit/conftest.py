"""The audit of a database, and somebody whom it tells of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from epics.callers import Caller
from epics.roles import Grant, Role

if TYPE_CHECKING:
    from db.connection import Database

Written = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def ann() -> Caller:
    return Caller(person="ann", channel="cli", via="os:ann", address="", grants=(Grant(role=Role.ADMIN),))


@pytest.fixture
def written(database: Database) -> Written:
    """The rows of the audit after a number, in order."""

    async def read(after: int = 0) -> list[dict[str, Any]]:
        async with database.pool.connection() as connection:
            return await (await connection.execute("SELECT * FROM audit WHERE n > %s ORDER BY n", [after])).fetchall()

    return read
