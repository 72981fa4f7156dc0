"""The process of `genie worker`: signals become a stop, a second one stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

from cli.log import configure_log
from cli.session import SCRIPT
from config.settings import Settings
from engine.bootstrap import open_engine


def serve_epics(settings: Settings, concurrency: int | None) -> None:
    """Run a worker until it is told to end, with exit code 0 when it ended in good order."""
    configure_log(settings.log_level, as_json=settings.log_format == "json", secrets=settings.secret_values())
    asyncio.run(_serve(settings, concurrency))


async def _serve(settings: Settings, concurrency: int | None) -> None:
    stop = asyncio.Event()
    async with open_engine(settings, script=SCRIPT) as engine:
        working = asyncio.create_task(engine.work(stop, concurrency=concurrency), name="worker")
        with stopped_by_signals(stop, working):
            try:
                await working
            except asyncio.CancelledError:
                if not stop.is_set():
                    raise


@contextmanager
def stopped_by_signals(stop: asyncio.Event, working: asyncio.Task[None]) -> Generator[None]:
    """Let the first SIGTERM, SIGHUP or Ctrl-C set `stop`, and the second one cancel the work."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            working.cancel()
        stop.set()

    numbers = [number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
