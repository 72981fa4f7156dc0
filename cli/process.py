"""How a command runs its work: one event loop, and stopped in good order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import typer

CHANNEL: Final = "cli"


def finish(work: Callable[[], Awaitable[int]]) -> None:
    """Run the work to its end, and end the command with the code that it returns.

    Ctrl-C, a SIGTERM and a closed terminal all cancel the work, which then leaves in good order.

    Raises:
        typer.Exit: with the exit code, unless that is 0.
    """
    code = asyncio.run(_cancellable(work))
    if code:
        raise typer.Exit(code)


async def _cancellable(work: Callable[[], Awaitable[int]]) -> int:
    task = asyncio.ensure_future(work())
    stopped: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        stopped.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored, as `nohup` asks
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        # asyncio makes a KeyboardInterrupt of Ctrl-C only.
        if stopped:
            raise KeyboardInterrupt from None
        raise
