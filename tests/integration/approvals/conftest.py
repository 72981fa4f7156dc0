"""Approvals that wait under given terms, opened by a checkpoint as a step opens them, without an engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from db.connection import Database

Asked = Callable[..., Awaitable[str]]


@pytest.fixture
async def asked(database: Database) -> Asked:
    """Opens an approval under these terms, and returns its id; `gate` is the plan gate unless it is said."""
    from psycopg.types.json import Jsonb

    from db.epics import insert_epic
    from db.leases import release_lease, take_lease
    from db.saver import FencedSaver
    from engine.checkpoints import project_values
    from epics.steps import Step
    from tests.integration.durability.writing import COMMIT, HERE, LONG_S, put, rows, state_after

    arrivals = {Step.PLAN_GATE: Step.ARCHITECT, Step.MERGE_GATE: Step.PR, Step.FAILURE_GATE: Step.TIME_MACHINE}
    made = 0

    async def ask(gate: Step = Step.PLAN_GATE, *, requested_by: str = "rick", again: str | None = None, **terms: Any) -> str:
        nonlocal made
        made += again is None
        epic = again or f"e-{made:010}"
        facts = {"goal": "Greet people", "repo": "/repo", "base": "main", "base_commit": COMMIT, "budget_usd": None, "executor": None}
        more = {"model": None, "autonomy": "auto", "auto_approve": False, "graph_version": 1, "requested_by": requested_by}
        if again is None:
            assert await insert_epic(database.pool, {"id": epic, **facts, **more}, hinted=False)
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE epics SET approval_terms = %s WHERE id = %s", [Jsonb({str(gate): terms}), epic])
        lease = await take_lease(database.pool, epic, HERE, seconds=LONG_S)
        saver = FencedSaver(database.pool, lease, project=project_values)
        if again is not None:
            await put(saver, epic, state_after(gate, then=arrivals[gate]))
        await put(saver, epic, state_after(arrivals[gate], then=gate))
        await release_lease(database.pool, lease)
        (row,) = await rows(database.pool, "SELECT id FROM approvals WHERE epic_id = %s AND status = 'pending'", epic)
        return str(row["id"])

    return ask
