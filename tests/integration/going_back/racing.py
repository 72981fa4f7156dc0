"""An epic whose first implement is done several times side by side, with agents that play by their brief."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from tests.integration.conftest import OUTPUTS

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
