"""Workers, looked at: who runs epics, and how many."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from cli.output import Output
from cli.render import table
from cli.words import ago
from engine.engine import Engine
from engine.views import Page, WorkerView


async def list_workers(engine: Engine, output: Output) -> int:
    """List the workers, those that live first."""
    workers = await engine.workers()
    parts = [_table(workers)] if workers else [Text("there is no worker; begin one with: genie worker")]
    output.answer(record=Page[WorkerView](items=workers), parts=parts)
    return 0


def _table(workers: tuple[WorkerView, ...]) -> Table:
    rows = [
        (
            Text(worker.name, style="bold"),
            _state(worker),
            f"{worker.running} of {worker.concurrency}",
            ago(worker.seen_at),
            worker.version,
            worker.holding_back,
        )
        for worker in workers
    ]
    return table(("WORKER", "STATE", "EPICS", "SEEN", "VERSION", "HOLDS BACK"), rows, right=("EPICS", "SEEN"))


def _state(worker: WorkerView) -> Text:
    if not worker.alive:
        return Text("gone", style="red")
    return Text("ending", style="yellow") if worker.draining else Text("alive", style="green")
