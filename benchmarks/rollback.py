"""How long it takes to go back, and to have the files of that moment: by the number of files that change, not by that of all files.

Beside it stands the same in a repository of 1,000 files; and how long the event loop of a worker is held up by 250,000.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.snapshots import CHANGED, SIGNATURE, environment, make_repository, path_of
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine
from engine.reading_repository import ReadRepository
from engine.starting import StartEpic
from engine.time_machine.orders import GoBack
from epics.approvals import Choice, Decision
from timemachine.mirrors import open_mirror
from timemachine.removals import remove_worktree
from timemachine.shelf import ready_worktree
from timemachine.snapshots import snapshot

SIZES, ROUNDS = (1_000, 20_000, 100_000), 9
LARGEST, LOOP_TARGET_MS = 250_000, 250
DATABASE_TARGET, FILES_TARGET = 1.5, 10.0
OUTPUTS: dict[str, dict[str, Any]] = {
    "planning": {"summary": "Change.", "tasks": ["change"], "acceptance_criteria": ["changed"], "allowed_paths": ["**"]},
    "architect": {
        "summary": "Change.",
        "title": "Change",
        "context": "c",
        "decision": "d",
        "consequences": "c",
        "options": [{"name": "so", "weight": 5}],
    },
    "implement": {"summary": "Changed."},
    "test": {"summary": "Tested."},
    "review": {"verdict": "passed", "summary": "Good."},
    "document": {"summary": "Told."},
    "pr": {"title": "Change", "body": "Changed."},
}


def measure() -> list[dict[str, Any]]:
    """Medians of going back and undoing it again, by size, and the longest hold-up of the event loop."""
    return asyncio.run(_measure())


async def _measure() -> list[dict[str, Any]]:
    by_size = {}
    for files in SIZES:
        with tempfile.TemporaryDirectory(prefix="genie-bench-") as name:
            by_size[files] = await _going_back(Path(name), files)
    small, figures = by_size[SIZES[0]], []
    for files, (rolled, ready) in list(by_size.items())[1:]:
        figures += [
            _figure(f"rollback or undo in a repository of {files:,} files, {CHANGED} differ", rolled, small[0], DATABASE_TARGET),
            _figure(f"work tree of {files:,} files at another moment, {CHANGED} differ", ready, small[1], FILES_TARGET),
        ]
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as name:
        figures.append(await _held_up(Path(name)))
    return figures


async def _going_back(directory: Path, files: int) -> tuple[float, float]:
    """Milliseconds: of one rollback or undo, and of the work tree that the next attempt is given."""
    async with _at_merge_gate(directory, files) as (engine, epic, planned):
        rolled, ready = list[float](), list[float]()
        mirror = await open_mirror(directory / "home", str(directory / "repo"), environment(directory))
        worktree, number = None, 0
        for _ in range(ROUNDS):
            for asked in (GoBack(by="bench", to=planned), GoBack(by="bench", undo=True)):
                begun = time.perf_counter()
                view = await engine.roll_back(epic, asked)
                rolled.append(time.perf_counter() - begun)
                if worktree is not None:
                    await remove_worktree(worktree, await worktree.head())
                number += 1
                begun = time.perf_counter()
                worktree = await ready_worktree(mirror, directory / f"tree-{number}", view.epic.head or "")
                ready.append(time.perf_counter() - begun)
    # The first tree of all is written whole.
    return statistics.median(rolled) * 1000, statistics.median(ready[1:]) * 1000


@asynccontextmanager
async def _at_merge_gate(directory: Path, files: int) -> AsyncGenerator[tuple[Engine, str, int]]:
    env = environment(directory)
    repo = await asyncio.to_thread(make_repository, directory / "repo", env, files, **{"genie.toml": '[test]\ncommand = "true"\n'})
    script = directory / "script.json"
    written = {path_of(number * 100): "changed\n" for number in range(CHANGED)}
    plays = [
        {"workflow": name, "turns": [*([{"write": written}] if name == "implement" else []), {"output": output}]}
        for name, output in OUTPUTS.items()
    ]
    script.write_text(json.dumps({"plays": plays}))
    async with open_engine(Settings.model_validate({"home": directory / "home"}), script=script) as engine:
        epic = (await engine.start(StartEpic(goal="Change", repo=str(repo), executor="scripted", detached=False))).id
        planned = (await engine.advance(epic)).moment or 0
        await engine.decide(epic, Decision(choice=Choice.APPROVE, by="bench", channel="bench"))
        view = await engine.advance(epic)
        if view.step != "merge_gate":
            message = f"the epic stands at {view.step}: {view.problem}"
            raise RuntimeError(message)
        yield engine, epic, planned


async def _held_up(directory: Path) -> dict[str, Any]:
    """The longest time in which the loop ran nothing else, over all that an attempt does with a very large repository."""
    env = environment(directory)
    repo = await asyncio.to_thread(make_repository, directory / "repo", env, LARGEST)
    worst = 0.0
    mirror = await open_mirror(directory / "home", str(repo), env)

    async def watched(deed: Awaitable[Any]) -> Any:
        nonlocal worst
        watching = asyncio.create_task(_longest_gap())
        await asyncio.sleep(0)
        found = await deed
        watching.cancel()
        worst = max(worst, (await asyncio.gather(watching))[0])
        return found

    base = await watched(mirror.fetch_base("main"))
    tree = await watched(ready_worktree(mirror, directory / "first", base))
    for number in range(CHANGED):
        (tree.path / path_of(number * 100)).write_text("changed\n")
    taken = await watched(snapshot(tree, signature=SIGNATURE, message="Work"))
    await watched(remove_worktree(tree, taken.commit))
    await watched(ready_worktree(mirror, directory / "second", base))
    reading = ReadRepository(mirror, _NoBoundaries())  # type: ignore[arg-type]
    await watched(reading.overview(taken.commit))
    await watched(reading.free_adr_prefix(taken.commit))
    await watched(reading.size(base, taken.commit))
    return {
        "name": f"longest hold-up of the event loop by a repository of {LARGEST:,} files",
        "value": round(worst * 1000, 1),
        "unit": "ms",
        "against": "base, work trees, snapshot, overview, diff",
        "ratio": None,
        "target": f"<= {LOOP_TARGET_MS} ms",
        "met": worst * 1000 <= LOOP_TARGET_MS,
    }


class _NoBoundaries:
    workflows: dict[str, Any] = {}  # noqa: RUF012  # never filled


async def _longest_gap() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.002), now
    except asyncio.CancelledError:
        return max(longest, time.perf_counter() - last - 0.002)


def _figure(name: str, taken: float, small: float, target: float) -> dict[str, Any]:
    ratio = taken / small
    return {
        "name": name,
        "value": round(taken, 1),
        "unit": "ms",
        "against": f"the same with {SIZES[0]:,} files: {small:.1f} ms",
        "ratio": round(ratio, 3),
        "target": f"<= {target:g} of it",
        "met": ratio <= target,
    }
