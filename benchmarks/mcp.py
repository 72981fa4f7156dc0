"""How much of the start of MCP servers a run waits for, when they start beside the making of its work tree."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine
from engine.runs.orders import StartRun
from executors.in_process import InProcessExecutor
from executors.scripts import Script
from tests.fakes.git_server import git
from tests.fakes.played_model import PlayedModels

_ROUNDS: Final = 5
_FILES: Final = 2_000
_SERVERS: Final = 3
_SERVER: Final = str(Path(__file__).resolve().parents[1] / "tests" / "fakes" / "mcp_server.py")
_SCRIPT: Final = Script.model_validate({"plays": [{"workflow": "look", "turns": [{"output": {"summary": "done"}}]}]})


def measure() -> list[dict[str, Any]]:
    """Runs with servers that are programs of the official library, on some thousand files, with and without a setup command."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder:
        setup_s, with_setup, without = asyncio.run(_measure(Path(folder)))
    return [
        _figure(f"MCP: wait of a run for {_SERVERS} servers, beside a setup command of {setup_s} s", with_setup, target=0.1),
        _figure(f"MCP: wait of a run for {_SERVERS} servers, beside a checkout of {_FILES} files alone", without, target=None),
    ]


def _figure(name: str, seen: list[tuple[float, float]], *, target: float | None) -> dict[str, Any]:
    waited, took = statistics.median(each[0] for each in seen), statistics.median(each[1] for each in seen)
    return {
        "name": name,
        "value": round(waited, 3),
        "unit": "s",
        "against": f"the slowest of them starts and lists its tools in {took:.2f} s",
        "ratio": round(waited / took, 2),
        "target": None if target is None else f"<= {target} s",
        "met": None if target is None else waited <= target,
    }


async def _measure(folder: Path) -> tuple[int, list[tuple[float, float]], list[tuple[float, float]]]:
    repo = folder / "repo"
    await asyncio.to_thread(_make_repository, repo)
    async with open_engine(Settings.model_validate({"home": folder / "home"})) as opened:
        executor = InProcessExecutor(PlayedModels(_SCRIPT))
        engine = Engine(replace(opened._installation, executors={"in_process": executor}))  # noqa: SLF001  # as tests do
        # The first makes the mirror of the repository, and is not counted.
        await _run(engine, repo)
        without = [await _run(engine, repo) for _ in range(_ROUNDS)]
        # Longer than the servers take here, as an installation of packages is: what they could hide behind is there.
        setup_s = math.ceil(1.5 * max(took for _, took in without))
        (repo / "genie.toml").write_text(f'[environment]\nsetup = "sleep {setup_s}"\n')
        await asyncio.to_thread(_commit, repo)
        return setup_s, [await _run(engine, repo) for _ in range(_ROUNDS)], without


async def _run(engine: Engine, repo: Path) -> tuple[float, float]:
    """How long a run waited for its servers, and how long the slowest of them took."""
    asked = StartRun(repo=str(repo), workflow="look", executor="in_process", model="scripted:demo")
    run = await engine.runs.start(asked)
    view = await engine.runs.advance(run.id)
    started = [event.data for event in await engine.runs.events(run.id) if event.type == "mcp_server_started"]
    if view.status != "done" or len(started) != _SERVERS:
        message = f"the run is {view.status}, with {len(started)} servers: {view.error}"
        raise RuntimeError(message)
    return max(data["waited"] for data in started), max(data["seconds"] for data in started)


def _make_repository(repo: Path) -> None:
    agent = repo / ".genie" / "agents" / "look"
    agent.mkdir(parents=True)
    servers = {f"s{n}": {"command": sys.executable, "args": [_SERVER], "required": True} for n in range(_SERVERS)}
    (agent / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    (agent / "allowed_tools.json").write_text("[]")
    (agent / "prompt.md").write_text("Look.")
    limits = "[limits]\nturns = 3\nseconds = 60\n[boundaries]\nallowed = []\n"
    (agent / "workflow.toml").write_text(f'description = "Looks"\noutput = "change_report"\n{limits}')
    (repo / "src").mkdir()
    for n in range(_FILES):
        (repo / "src" / f"{n}.txt").write_text(f"{n}\n" * 100)
    git(repo, "init", "--quiet", "--initial-branch", "main")
    _commit(repo)


def _commit(repo: Path) -> None:
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Begin")
