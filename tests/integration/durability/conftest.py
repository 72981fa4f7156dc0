"""Epics as bare rows, for tests of one write at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from db.connection import Database
    from db.leases import Lease

NewEpic = Callable[..., Awaitable[str]]


@pytest.fixture
async def new_epic(database: Database) -> NewEpic:
    """Adds the row of a queued epic, and returns its id; epics share a project unless `repo` says otherwise."""
    from db.epics import insert_epic
    from tests.integration.durability.writing import COMMIT

    made = 0

    async def make(**values: Any) -> str:
        nonlocal made
        made += 1
        given = {
            "id": f"e-{made:010}",
            "goal": "Greet people",
            "repo": "/repo",
            "base": "main",
            "base_commit": COMMIT,
            "budget_usd": None,
            "executor": "scripted",
            "model": None,
            "autonomy": "auto",
            "auto_approve": False,
            "graph_version": 1,
            **values,
        }
        assert await insert_epic(database.pool, given)
        return str(given["id"])

    return make


@pytest.fixture
async def lease(database: Database, new_epic: NewEpic) -> Lease:
    """The lease of a new epic."""
    from db.leases import take_lease
    from tests.integration.durability.writing import HERE, LONG_S

    return await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S)
