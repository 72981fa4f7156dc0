"""An epic whose first implement is done several times side by side, with agents that play by their brief."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.integration.conftest import OUTPUTS

if TYPE_CHECKING:
    from tests.integration.going_back.conftest import Traveller

WORK = {1: "hello one\n", 2: "hello two\nand a word more\n", 3: "goodbye\n"}
"""What each attempt writes; the repository's test wants a hello in it."""


def entry_play(k: int, workflow: str, *turns: Mapping[str, Any], of: int = 3) -> dict[str, Any]:
    """What one attempt of several plays; it ends with a good output unless its last turn ends it."""
    ends = bool(turns) and bool(turns[-1].keys() & {"output", "fail"})
    last = () if ends else ({"output": OUTPUTS[workflow]},)
    return {"workflow": workflow, "when_brief_contains": f"Attempt {k} of {of}:", "turns": [*turns, *last]}


def writing(n: int = 3, work: Mapping[int, str] = WORK) -> list[dict[str, Any]]:
    """Each attempt writes its own text."""
    return [entry_play(k, "implement", {"write": {"greeting.txt": work[k]}}, of=n) for k in range(1, n + 1)]


async def until_rest(engine: Any, epic_id: str) -> Any:
    """Carry a race on in this process, one entry after the other, until it does nothing by itself any more."""
    view = await engine.advance(epic_id)
    while view.race == "running" and (race := await engine.race(epic_id)).at_work:
        for entry in race.entries:
            await engine.advance(entry.fork)
        view = await engine.advance(epic_id)
    return view


def file_at(repo: Any, commit: str, path: str) -> str:
    """A file of a commit."""
    return subprocess.run(["git", "-C", str(repo), "show", f"{commit}:{path}"], check=True, capture_output=True, text=True).stdout


class Racer:
    """An epic with a race, and what the tests ask of both."""

    def __init__(self, epic: Traveller) -> None:
        self._epic = epic
        self.began = epic.began
        self.engine = epic.engine
        self.id = epic.id
        self.mirror = epic.mirror
        self.go = epic.go
        self.back = epic.back
        self.resume = epic.resume
        self.moment_after = epic.moment_after
        self.rows = epic.began.rows

    async def events(self, kind: str) -> list[Any]:
        """The events of a kind."""
        return [event for event in await self.engine.events(self.id) if event.type == kind]

    async def forks(self) -> list[str]:
        """The epics that were forked from this one, oldest first."""
        rows = await self.rows(
            "SELECT f.id FROM epics f LEFT JOIN race_entries n ON n.fork_id = f.id WHERE f.forked_from = %s ORDER BY n.k, f.id"
        )
        return [row["id"] for row in rows]

    async def branches(self, epic: str) -> str:
        """The branches of an epic in the mirror."""
        return self._epic.git("for-each-ref", f"refs/heads/genie/{epic}/")

    async def decide_of(self, epic: str, choice: str, **more: Any) -> None:
        """Decide at the gate of one of the forks."""
        from epics.approvals import Decision

        await self.engine.decide(epic, Decision.model_validate({"choice": choice, "by": "ann", "channel": "test", **more}))

    async def stop(self, epic: str, problem: str) -> None:
        """Park a fork as trouble does."""
        from db.epics import pause_epic
        from engine.lease_keeper import hold_epic

        database = self.engine._installation.database
        async with hold_epic(database, epic, seconds=30) as hold:
            await pause_epic(database.pool, hold.lease, problem)

    async def cut_after_first_fork(self) -> list[str]:
        """Let the race begin in a process that comes no further than its first fork."""
        from engine.lease_keeper import hold_epic

        before = {row["id"] for row in await self.rows("SELECT id FROM epics")}
        advancing = asyncio.ensure_future(self.engine.advance(self.id))
        try:
            async with asyncio.timeout(60):
                while not (found := await self.rows("SELECT fork_id FROM race_entries WHERE k = 2")):
                    await asyncio.sleep(0)
                async with hold_epic(self.engine._installation.database, found[0]["fork_id"], seconds=30):
                    await advancing
        finally:
            advancing.cancel()
        return [row["id"] for row in await self.rows("SELECT id FROM epics ORDER BY id") if row["id"] not in before]
