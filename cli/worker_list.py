"""Workers, looked at: who runs epics, and how many."""

from __future__ import annotations

import socket

from rich.table import Table
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import table
from cli.service import Service
from cli.words import ago
from engine.engine import Engine
from engine.views import Page, WorkerView


async def list_workers(service: Service, output: Output) -> int:
    """List the workers, those that live first."""
    workers = await service.workers()
    parts = [_table(workers)] if workers else [Text("there is no worker; begin one with: genie worker")]
    output.answer(record=Page[WorkerView](items=workers), parts=parts)
    return 0


async def check_worker(engine: Engine, output: Output) -> int:
    """Say whether a worker of this machine was heard of lately: 0, or 1 if none was."""
    here = socket.gethostname()
    mine = tuple(worker for worker in await engine.workers() if worker.host == here)
    said = _table(mine) if mine else Text(f"there is no worker on {here}")
    output.answer(record=Page[WorkerView](items=mine), parts=[said])
    return ExitCode.DONE if any(worker.alive for worker in mine) else ExitCode.FAILED


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
