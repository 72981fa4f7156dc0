"""Saves epics of this release at the places where an upgrade may find them: `python tests/golden/make.py RELEASE [FOLDER]`.

Run it once for each release, before anything that is checkpointed changes; files of older releases stay as they are, for ever.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from config.settings import Settings
from db.embedded import open_embedded
from engine.bootstrap import open_engine
from engine.engine import Engine
from engine.starting import StartEpic
from epics.approvals import Decision
from executors.port import Executor, Journal, Order, Outcome
from tests.fakes.story import GIT_ENVIRONMENT
from tests.golden.saved import HERE, Saved, bundle, migrations_of, take_rows, write
from tests.integration.conftest import OUTPUTS, WORK, _ended
from timemachine.mirrors import mirror_path

APPROVE: Final = {"choice": "approve"}
GREET: Final = {"write": {"greeting.txt": "hello\n"}}
FINDING: Final = {"id": "F1", "severity": "major", "file": "greeting.txt", "what": "It is too short.", "why": "People want more."}
FINDINGS: Final = {"output": {"verdict": "findings", "summary": "Too short.", "findings": [FINDING]}}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An epic and where it is saved."""

    name: str
    turns: Mapping[str, Sequence[Mapping[str, Any]]]
    first: Sequence[Mapping[str, Any]] = ()
    decided: Sequence[Mapping[str, Any]] = ()
    """What was decided before it is saved."""
    decisions: Sequence[Mapping[str, Any]]
    """What is decided after it."""
    cut: tuple[str, int] | None = None
    """Saved while this workflow has the answer of this turn, and not its results."""
    budget: str | None = None
    autonomy: str = "auto"
    advanced: bool = True


TWICE: Final = [{**GREET, "run": ["cat greeting.txt"]}, {"run": ["wc -c greeting.txt"]}]
SCENES: Final = (
    Scene(name="queued", turns={}, advanced=False, decisions=(APPROVE, APPROVE)),
    Scene(name="plan_gate", turns={}, decisions=({"choice": "changes", "comment": "Call it hello."}, APPROVE, APPROVE)),
    Scene(name="implement_cut", turns={"implement": TWICE}, decided=(APPROVE,), cut=("implement", 2), decisions=(APPROVE,)),
    Scene(
        name="fix_cut",
        first=[
            {"workflow": "review", "when_tree_lacks": {"greeting.txt": "world"}, "turns": [FINDINGS]},
        ],
        turns={"fix": [{"write": {"greeting.txt": "hello world\n"}}]},
        decided=(APPROVE,),
        cut=("fix", 1),
        decisions=(APPROVE,),
    ),
    Scene(
        name="failure_gate",
        first=[{"workflow": "implement", "when_brief_contains": "Take your time.", "turns": [GREET, {"output": OUTPUTS["implement"]}]}],
        turns={"implement": [{"fail": "turns"}]},
        decided=(APPROVE,),
        autonomy="ask",
        decisions=({"choice": "retry", "comment": "Take your time."}, APPROVE),
    ),
    Scene(
        name="budget_gate",
        turns={"implement": [GREET]},
        decided=(APPROVE,),
        budget="0.03",
        decisions=({"choice": "raise", "amount_usd": "1"}, APPROVE),
    ),
    Scene(name="merge_gate", turns={}, decided=(APPROVE,), decisions=(APPROVE,)),
)


class Cut:
    """An executor that stays for ever where a turn has its answer and no results."""

    name = "scripted"

    def __init__(self, inner: Executor, place: tuple[str, int]) -> None:
        self.there = asyncio.Event()
        self._inner = inner
        self._place = place

    def check_models(self, models: tuple[str, ...]) -> None:
        self._inner.check_models(models)

    async def run(self, order: Order, journal: Journal) -> Outcome:
        return await self._inner.run(order, _Halting(journal, self) if order.workflow.name == self._place[0] else journal)  # type: ignore[arg-type]

    async def before_results(self, n: int) -> None:
        if n == self._place[1]:
            self.there.set()
            await asyncio.Event().wait()


class _Halting:
    def __init__(self, inner: Journal, cut: Cut) -> None:
        self._inner = inner
        self._cut = cut

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def completed(self, n: int, **results: Any) -> None:
        # Not where the answer is recorded: no cancel ends that.
        await self._cut.before_results(n)
        await self._inner.completed(n, **results)


async def save(scene: Scene, release: str, database_url: str, workplace: Path, folder: Path) -> Path:
    """Run one epic up to its place, and save it there."""
    place = workplace / scene.name
    repo, home = place / "repo", place / "home"
    repo.mkdir(parents=True)
    (repo / "README.md").write_text("Greetings.\n")
    (repo / "genie.toml").write_text('[test]\ncommand = "true"\n')
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", *arguments], cwd=repo, env=GIT_ENVIRONMENT, check=True)
    plays = [{"workflow": name, "turns": _ended(name, scene.turns.get(name, WORK.get(name, ())))} for name in OUTPUTS]
    script = {"plays": [*scene.first, *plays]}
    (place / "script.json").write_text(json.dumps(script))
    settings = Settings.model_validate({"home": home, "database_url": database_url})
    async with open_engine(settings, script=place / "script.json") as engine:
        asked = StartEpic(
            goal="Greet people",
            repo=str(repo),
            executor="scripted",
            budget_usd=Decimal(scene.budget) if scene.budget else None,
            autonomy=scene.autonomy,  # type: ignore[arg-type]
        )
        epic = (await engine.start(asked)).id
        if scene.advanced:
            await _bring(engine, epic, scene)
    saved = Saved(
        release=release,
        name=scene.name,
        migrations=migrations_of(database_url),
        epic=epic,
        script=script,
        decisions=scene.decisions,
        rows=take_rows(database_url, epic, repo=repo, home=home),
        repo=bundle(repo),
        mirror=bundle(mirror_path(home, str(repo))),
    )
    return write(saved, folder)


async def _bring(engine: Engine, epic: str, scene: Scene) -> None:
    await engine.advance(epic)
    for number, decision in enumerate(scene.decided, start=1):
        await engine.decide(epic, Decision.model_validate({**decision, "by": "ann", "channel": "test"}))
        if scene.cut is None or number < len(scene.decided):
            await engine.advance(epic)
            continue
        installation = engine._installation
        cut = Cut(installation.executors["scripted"], scene.cut)
        advancing = asyncio.create_task(Engine(replace(installation, executors={"scripted": cut})).advance(epic))
        await cut.there.wait()
        advancing.cancel()
        await asyncio.wait({advancing})


async def _main(release: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="golden-") as workplace:
        async with open_embedded(Path(workplace) / "server") as url:
            for scene in SCENES:
                path = await save(scene, release, url, Path(workplace), folder)
                print(f"{path.name}: {path.stat().st_size:,} bytes")  # noqa: T201  # a script says what it did


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else HERE))
