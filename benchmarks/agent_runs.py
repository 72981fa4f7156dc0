"""What a run of an agent costs beside its model: prompt, memory, messages, and all that makes it durable."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quantiles import p95
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.runs.orders import StartRun

if TYPE_CHECKING:
    from engine.engine import Engine

_WARM: Final = 10
_RUNS: Final = 100
_TARGET_MS: Final = 30.0
_BESIDE: Final = frozenset({"attempt_started", "turn_taken", "attempt_ended"})

SCRIPT: Final = {"plays": [{"workflow": "simple", "turns": [{"say": "A rose.", "ends": True}]}]}


def measure() -> list[dict[str, Any]]:
    """Runs of `simple` in one conversation, on the embedded database, with a model that answers at once."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder:
        whole, parts = asyncio.run(_measure(Path(folder)))
    return [
        _figure("prompt, memory and messages of a run, p95", p95(parts), "events before and after the model"),
        _figure("a whole run beside its model, p95", p95(whole), "lease, queue, attempts and journal too"),
    ]


async def _measure(folder: Path) -> tuple[list[float], list[float]]:
    script = folder / "script.json"
    script.write_text(json.dumps(SCRIPT))
    async with open_engine(Settings.model_validate({"home": folder / "home"}), script=script) as engine:
        for _ in range(_WARM):
            await _run(engine)
        took = [await _run(engine) for _ in range(_RUNS)]
    return [whole for whole, _ in took], [part for _, part in took]


async def _run(engine: Engine) -> tuple[float, float]:
    """Milliseconds of a run from its take to its end, and of what is not its two attempts with their turn."""
    asked = StartRun(workflow="simple", executor="scripted", task="What is red?", session="bench")
    run = await engine.runs.start(asked)
    began = time.perf_counter()
    view = await engine.runs.advance(run.id)
    whole = (time.perf_counter() - began) * 1_000
    if view.output != {"text": "A rose."}:
        message = f"the run ended as {view.status}: {view.error}"
        raise RuntimeError(message)
    events = await engine.runs.events(run.id)
    times = [event.time.timestamp() * 1_000 for event in events]
    pairs = zip(events[1:], times[1:], times, strict=False)
    return whole, sum(now - before for event, now, before in pairs if event.type not in _BESIDE)


def _figure(name: str, value: float, against: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "ms",
        "against": against,
        "ratio": None,
        "target": f"<= {_TARGET_MS:.0f} ms" if "prompt" in name else None,
        "met": value <= _TARGET_MS if "prompt" in name else None,
    }
