"""Epics that go back, undo and fork, on the real engine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.standing import Bring
from tests.integration.conftest import GOAL, Began
from timemachine.mirrors import mirror_path


class Traveller:
    """One epic, and what a person does to its time."""

    def __init__(self, began: Began, home: Path) -> None:
        self.began = began
        self.engine = began.engine
        self.id = began.id
        self.mirror = mirror_path(home, str(began.repo))

    async def go(self, *choices: str) -> Any:
        """Advance, then decide at each gate and advance again; what the epic shows in the end."""
        view = await self.engine.advance(self.id)
        for choice in choices:
            await self.began.decide(choice)
            view = await self.engine.advance(self.id)
        return view

    async def back(self, **asked: Any) -> Any:
        """Roll back, or undo."""
        from engine.time_machine.orders import GoBack

        dry_run = asked.pop("dry_run", False)
        return await self.engine.roll_back(self.id, GoBack(by="ann", **asked), dry_run=dry_run)

    async def resume(self, *choices: str) -> Any:
        """Resume, and go on through gates."""
        await self.engine.resume(self.id, by="ann")
        return await self.go(*choices)

    async def fork(self, at: int, **asked: Any) -> Traveller:
        """Fork, and return the fork."""
        from engine.time_machine.orders import Fork

        view = await self.engine.fork(self.id, Fork(at=at, by="ann", **asked))
        made = Traveller(Began(engine=self.engine, id=view.id, repo=self.began.repo), Path("/"))
        made.mirror = self.mirror
        return made

    async def moment_after(self, step: str) -> Any:
        """The first moment that finished a step."""
        return next(moment for moment in await self.engine.moments(self.id) if moment.step == step)

    def refs(self) -> Mapping[str, str]:
        """All refs of the mirror but those that only say where the base branch was seen last."""
        listed = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/genie/keep")
        return dict(line.split() for line in listed.splitlines())

    def git(self, *arguments: str) -> str:
        """Run git in the mirror."""
        return subprocess.run(["git", "-C", self.mirror, *arguments], check=True, capture_output=True, text=True).stdout


def through(*choices: str, **asked: Any) -> Bring:
    """Brings an epic through gates: what a module's `standing` is made by."""

    async def go(engine: Any, repo: Path) -> str:
        from engine.starting import StartEpic

        view = await engine.start(StartEpic(goal=GOAL, repo=str(repo), executor="scripted", **asked))
        await Traveller(Began(engine=engine, id=view.id, repo=repo), repo.parent / "home").go(*choices)
        return str(view.id)

    return go


@pytest.fixture
def traveller(stood, tmp_path):
    """The epic with which the tests of the module begin."""
    return Traveller(stood, tmp_path / "home")


@pytest.fixture
def travel(begin, tmp_path):
    """Starts an epic; see `Traveller`."""

    async def start(script: Any = None, **asked: Any) -> Traveller:
        return Traveller(await begin(script, **asked), tmp_path / "home")

    return start
