"""Epics that many tests begin with: brought there once, and put back for each test as they stood.

To run an epic takes seconds of processor time, to copy its files and its database a twentieth of that. What is put back is at the place
where it was made, since a mirror knows its repository, and a work tree its mirror, by their whole paths.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from engine.engine import Engine

Bring = Callable[["Engine", Path], Awaitable[str]]
"""Brings an epic on this engine and the repository at this path to where tests begin, and returns its id."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An epic as it stands: where it is, what its engine plays, and what of it is kept to be put back."""

    id: str
    place: Path
    kept: Path
    database: str

    @property
    def repo(self) -> Path:
        """The repository that it works on."""
        return self.place / "repo"

    @property
    def script(self) -> Path:
        """What its agents play."""
        return self.place / "script-0.json"

    def put_back(self) -> None:
        """Make its place what it was."""
        shutil.rmtree(self.place)
        # With all times: by them git knows which files it need not read again.
        subprocess.run(["cp", "-a", str(self.kept), str(self.place)], check=True)


def brought(folder: Path, database_url: str, script: Mapping[str, Any], bring: Bring, make_repo: Callable[[Path], Any]) -> Standing:
    """Bring an epic to where tests begin; nobody is connected to its database afterwards.

    Args:
        folder: an empty one, for the place of the epic and for what is kept of it.
        database_url: a migrated database of its own.
        script: what agents play.
        bring: starts it and does what is to be done.
        make_repo: makes a repository at a path.
    """
    from config.settings import Settings
    from engine.bootstrap import open_engine

    place = folder / "place"
    place.mkdir()
    make_repo(place / "repo")
    (place / "script-0.json").write_text(json.dumps(script), encoding="utf-8")

    async def run() -> str:
        settings = Settings.model_validate({"home": place / "home", "database_url": database_url})
        async with open_engine(settings, script=place / "script-0.json") as engine:
            return await bring(engine, place / "repo")

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        epic = runner.run(run())
    return kept_of(epic, folder, database_url)


def kept_of(epic: str, folder: Path, database_url: str) -> Standing:
    """Keep what is in `place` of the folder as it is now, to be put back there."""
    place, kept = folder / "place", folder / "kept"
    subprocess.run(["cp", "-a", str(place), str(kept)], check=True)
    return Standing(id=epic, place=place, kept=kept, database=urlsplit(database_url).path.removeprefix("/"))


def demo_at_its_plan_gate(genie: Callable[..., Any], place: Path) -> str:
    """Bring the epic of the demo by commands to its plan gate, where it waits, and return its id."""
    ended = genie("demo", "--ask", "--keep", str(place / "sample"), "--json")
    assert ended.code == 3, ended.err
    return str(ended.json()["id"])
