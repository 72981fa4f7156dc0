"""Epics that learn from others: scripted agents, a memory in the test's own database, and what each brief was told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.views import EpicView

HEADING = "### What earlier work on this repository taught"


@dataclass(frozen=True, kw_only=True)
class Learner:
    """An engine with epics on one repository."""

    engine: Engine
    repo: Path

    async def begin(self, goal: str, **asked: Any) -> str:
        """Queue an epic."""
        from engine.starting import StartEpic

        return (await self.engine.start(StartEpic(goal=goal, repo=str(self.repo), executor="scripted", **asked))).id

    async def merge(self, goal: str) -> EpicView:
        """Run an epic to its end."""
        epic = await self.begin(goal, auto_approve=True)
        return await self.engine.advance(epic)

    async def decide(self, epic: str, choice: str, **more: Any) -> EpicView:
        """Decide at the gate that waits, and advance."""
        from epics.approvals import Decision

        await self.engine.decide(epic, Decision.model_validate({"choice": choice, "by": "ann", "channel": "test", **more}))
        return await self.engine.advance(epic)

    async def settle(self) -> None:
        """Have everything stored that was taught."""
        from engine.knowledge.pump import Pump

        pump = Pump(self.engine._installation)
        while await pump.once():
            pass

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        async with self.engine._pool.connection() as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def run(self, statement: str) -> None:
        """A statement that returns nothing."""
        async with self.engine._pool.connection() as connection:
            await connection.execute(statement.encode())

    async def brief(self, epic: str, workflow: str) -> str:
        """What the first attempt of a workflow was sent."""
        query = (
            "SELECT b.text FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt"
            " WHERE a.epic_id = %s AND a.workflow = %s ORDER BY a.n LIMIT 1"
        )
        return str((await self.rows(query, epic, workflow))[0]["text"])


def recalled_in(brief: str) -> str:
    """What a brief recalls, as the text below the heading."""
    return brief.partition(HEADING)[2]


@pytest.fixture
async def learner(stood) -> Learner:
    """The engine of the module's standing epic, and its repository."""
    return Learner(engine=stood.engine, repo=stood.repo)
