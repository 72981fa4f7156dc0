"""How long the real command takes to say something: `genie --help`, and a list from a warm database."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from db.embedded import open_embedded

ROUNDS = 10
HELP_TARGET_SECONDS = 0.3
LIST_TARGET_SECONDS = 1.0


def measure() -> list[dict[str, Any]]:
    """Wall time of whole processes, medians of ten, each beside a Python that starts and does nothing."""
    genie = str(Path(sys.executable).with_name("genie"))
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GENIE_")} | {"GENIE_HOME": home}
        bare = _median_seconds([sys.executable, "-c", "pass"], env)
        helped = _median_seconds([genie, "--help"], env)
        listed = asyncio.run(_list_seconds(Path(home), [genie, "epic", "list"], env))
    return [
        _figure("genie --help", helped, bare, HELP_TARGET_SECONDS),
        _figure("genie epic list, warm database", listed, bare, LIST_TARGET_SECONDS),
    ]


async def _list_seconds(home: Path, command: list[str], env: dict[str, str]) -> float:
    """The server stops with its last user, so we are one too, as a worker would be; the first call migrates and is not counted."""
    async with open_embedded(home):
        await asyncio.to_thread(_seconds, command, env)
        return await asyncio.to_thread(_median_seconds, command, env)


def _median_seconds(command: list[str], env: dict[str, str]) -> float:
    return statistics.median(_seconds(command, env) for _ in range(ROUNDS))


def _seconds(command: list[str], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    return time.perf_counter() - begun


def _figure(name: str, seconds: float, bare: float, target: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(seconds, 4),
        "unit": "s",
        "against": f"python -c pass: {bare:.3f} s",
        "ratio": round(seconds / bare, 2),
        "target": f"<= {target} s",
        "met": seconds <= target,
    }
