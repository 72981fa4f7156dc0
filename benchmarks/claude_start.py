"""How long it takes from the start of an attempt to the first request of its Claude Code CLI, and what memory one agent holds."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from executors.claude.executor import ClaudeExecutor
from executors.claude.finding import find_cli, version_of
from executors.containers.launcher import DockerLauncher
from executors.scripts import Script
from tests.fakes.claude import MODEL, docker_executor, local_executor
from tests.fakes.docker_daemon import docker_host, image
from tests.fakes.journal import MemoryJournal
from tests.fakes.model_server import ModelServer
from tests.fakes.orders import order

ROUNDS = 8
TARGET_SECONDS = 1.5

#: The first answer is held back, so that there is time to look at the memory of an agent that waits for it.
SCRIPT = Script.model_validate(
    {"plays": [{"workflow": "implement", "turns": [{"output": {"summary": "done", "addressed": []}}]}], "pause_s": 0.5}
)


def measure() -> list[dict[str, Any]]:
    """The median of warm starts, beside the CLI alone saying its version, and the memory of one agent while it waits for an answer."""
    began = time.perf_counter()
    version = version_of(find_cli())
    bare = time.perf_counter() - began
    against = f"claude --version ({version}): {bare:.3f} s"
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder, ModelServer(SCRIPT) as server:
        home = Path(folder)
        seconds, memory = asyncio.run(_starts(home, server, local_executor(server.url)))
        figures = [_start_of("claude_local", seconds, bare, against), _memory_of("claude_local", memory)]
        if (launcher := _docker(home)) is not None:
            seconds, memory = asyncio.run(_starts(home, server, docker_executor(server.url, launcher)))
            figures += [_start_of("claude_docker", seconds, bare, against), _memory_of("claude_docker", memory)]
    return figures


def _start_of(executor: str, seconds: list[float], bare: float, against: str) -> dict[str, Any]:
    median = statistics.median(seconds)
    return {
        "name": f"{executor}: start of an attempt → first request",
        "value": round(median, 3),
        "unit": "s",
        "against": against,
        "ratio": round(median / bare, 2),
        "target": f"<= {TARGET_SECONDS} s",
        "met": median <= TARGET_SECONDS,
    }


def _memory_of(executor: str, memory: list[int]) -> dict[str, Any]:
    return {
        "name": f"{executor}: memory of one agent",
        "value": round(statistics.median(memory) / 2**20),
        "unit": "MiB",
        "against": "what its processes have for themselves, and their part of what they share",
        "ratio": None,
        "target": None,
        "met": None,
    }


def _docker(home: Path) -> DockerLauncher | None:
    """What starts containers, where there is a daemon for tests (GENIE_TEST_DOCKER_HOST); the image is made if it is not there."""
    try:
        return DockerLauncher(home=home, git_environment={}, docker_host=docker_host(), image=image())
    except pytest.skip.Exception:
        return None


async def _starts(folder: Path, server: ModelServer, executor: ClaudeExecutor) -> tuple[list[float], list[int]]:
    """Start agents one after the other; the first fills the caches of the disk, and is not counted."""
    seconds, memory = list[float](), list[int]()
    for n in range(ROUNDS + 1):
        (tree := folder / executor.name / f"tree-{n}").mkdir(parents=True)
        asked = len(server.requests)
        began = time.time()
        running = asyncio.ensure_future(executor.run(order(tree, models=(MODEL,), seconds=60.0), MemoryJournal(tree=tree)))
        await asyncio.to_thread(_until_asked, server, asked)
        held = await asyncio.to_thread(_memory)
        outcome = await running
        if outcome.ended_by != "done":
            message = f"the agent ended by {outcome.ended_by}: {outcome.error}"
            raise RuntimeError(message)
        if n:
            seconds.append(server.requests[asked]["at"] - began)
            memory.append(held)
    await executor.close()
    return seconds, memory


def _until_asked(server: ModelServer, before: int) -> None:
    while len(server.requests) == before:
        time.sleep(0.002)


def _memory() -> int:
    """Bytes held by the processes of agents: no other is measured at the same time."""
    wanted = b"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1"
    held = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes():
                held += _proportional(entry)
        except OSError:
            continue  # it has ended meanwhile
    return held


def _proportional(process: Path) -> int:
    lines = (process / "smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
