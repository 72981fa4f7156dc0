"""How many attempts an epic needs when a model repeats its mistakes: the first on a repository, the next with memory, and one without."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from config.settings import Settings
from engine.bootstrap import open_engine
from tests.fakes.git_server import git
from tests.fakes.repeating import Took, remember, took, without_memory

_LATER: Final = 3


def measure() -> list[dict[str, Any]]:
    """Attempts until the merge; the model makes the same two mistakes in every epic unless its brief tells it not to."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder:
        first, later, without = asyncio.run(_measure(Path(folder)))
    most = max(each.attempts for each in later)
    return [
        _figure("attempts of an epic that remembers, at most", most, first, "<", met=most < first.attempts),
        _figure("attempts of an epic with memory off", without.attempts, first, ">=", met=without.attempts >= first.attempts),
    ]


async def _measure(folder: Path) -> tuple[Took, list[Took], Took]:
    repo = folder / "repo"
    await asyncio.to_thread(_make_repository, repo)
    async with open_engine(Settings.model_validate({"home": folder / "home"})) as engine:
        first = await took(engine, str(repo), 1)
        await remember(engine)
        later = [await took(engine, str(repo), 2 + number) for number in range(_LATER)]
        return first, later, await took(without_memory(engine), str(repo), 2 + _LATER)


def _make_repository(repo: Path) -> None:
    repo.mkdir()
    (repo / "README.md").write_text("Greetings.\n")
    (repo / "genie.toml").write_text('[test]\ncommand = "true"\n')
    git(repo, "init", "--quiet", "--initial-branch", "main")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Begin")


def _figure(name: str, attempts: int, first: Took, bound: str, *, met: bool) -> dict[str, Any]:
    mistakes = f"{first.of['architect']} of architect, {first.of['implement']} of implement"
    return {
        "name": name,
        "value": attempts,
        "unit": "attempts",
        "against": f"the first epic: {first.attempts} attempts ({mistakes})",
        "ratio": round(attempts / first.attempts, 2),
        "target": f"{bound} {first.attempts}",
        "met": met,
    }
