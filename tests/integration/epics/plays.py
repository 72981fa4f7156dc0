"""What agents play in the tests of whole epics, and one such epic on its engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epics.approvals import Choice, Decision

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.views import EpicView

Plays = list[dict[str, Any]]

GOOD: Mapping[str, dict[str, Any]] = {
    "planning": {
        "summary": "Greet.",
        "tasks": ["greet"],
        "acceptance_criteria": ["it greets"],
        "allowed_paths": ["greeting.txt", "src/**"],
    },
    "architect": {
        "summary": "One file.",
        "title": "A plain file",
        "context": "Somebody must greet.",
        "options": [{"name": "file", "weight": 8}],
        "decision": "Write it.",
        "consequences": "It greets.",
    },
    "implement": {"summary": "Wrote the greeting."},
    "test": {"summary": "It is tested."},
    "review": {"verdict": "passed", "summary": "Good."},
    "fix": {"summary": "Fixed it."},
    "refactor": {"summary": "Moved it."},
    "document": {"summary": "Told it."},
    "pr": {"title": "Greet people", "body": "It greets."},
    "time_machine": {"cause": "It was in haste.", "prevention": "Read first."},
}

WRITES: Mapping[str, dict[str, str]] = {"implement": {"greeting.txt": "hello\n"}, "document": {"README.md": "It says hello.\n"}}

CHECK = "grep -q hello greeting.txt"


def play(workflow: str, *turns: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    """What one workflow does, and when; it ends with a good output unless its last turn ends it."""
    ends = turns and (turns[-1].keys() & {"output", "fail"})
    return {"workflow": workflow, "turns": [*turns, *(() if ends else ({"output": GOOD[workflow]},))], **conditions}


def script_of(plays: Plays) -> dict[str, Any]:
    """A script in which all goes well, but for the plays that are considered first."""
    well = [play(workflow, *([{"write": WRITES[workflow]}] if workflow in WRITES else [])) for workflow in GOOD]
    return {"plays": [*plays, *well]}


@dataclass(frozen=True, kw_only=True)
class Played:
    """One epic on an engine, in one repository."""

    engine: Engine
    id: str
    repo: Path

    async def go(self) -> EpicView:
        """Advance the epic to its next gate or its end."""
        return await self.engine.advance(self.id)

    async def decide(self, choice: Choice, **more: Any) -> EpicView:
        """Decide at the gate that waits, and advance."""
        decision = Decision.model_validate({"choice": choice, "by": "ann", "channel": "test", **more})
        await self.engine.decide(self.id, decision)
        return await self.go()

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of the database, for what no view shows; `%s` is the epic."""
        async with self.engine._pool.connection() as connection:
            return await (await connection.execute(query.encode(), [self.id])).fetchall()

    async def briefs(self, workflow: str) -> list[str]:
        """What the attempts of a workflow were sent, in order."""
        rows = await self.rows(
            "SELECT b.text AS brief FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt"
            f" WHERE a.epic_id = %s AND a.workflow = '{workflow}' ORDER BY a.n"
        )
        return [row["brief"] for row in rows]
