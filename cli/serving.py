"""What `genie serve` does: the API and its workers, begun together and ended together."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from api.server import bound_socket, names_of, serve_on, url_of
from api.serving import Serving, engine_kept_open
from cli.log import configure_log
from cli.output import Output
from cli.process import user_name
from cli.session import SCRIPT
from cli.supervise import keep_workers
from config.hooks import load_hooks
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine

POOL_WAIT_S: Final = 3.0
"""How long a request waits for a connection to the database before it is told to come again."""

MARGIN_S: Final = 10.0
"""What a worker gets beyond the time in which it hands over what it is at."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the options say."""

    host: str
    port: int
    workers: int
    concurrency: int | None


async def serve_until_stopped(settings: Settings, asked: Asked) -> int:
    """Serve until a SIGTERM or Ctrl-C, then end in good order: 0."""
    configure_log(settings.log_level if "log_level" in settings.model_fields_set else "info", as_json=settings.log_format == "json")
    listening = bound_socket(asked.host, asked.port)
    serving = Serving(settings=settings, user=user_name(), hosts=names_of(listening), hooks=load_hooks(settings))
    _stop_on_signals(serving.stopping)

    def opened() -> AbstractAsyncContextManager[Engine]:
        return open_engine(settings, script=SCRIPT, wait_s=POOL_WAIT_S)

    options = [] if asked.concurrency is None else ["--concurrency", str(asked.concurrency)]
    async with engine_kept_open(serving, opened):
        Output().say(f"serving at {url_of(listening)} with {asked.workers} worker{'' if asked.workers == 1 else 's'}", style="bold")
        await asyncio.gather(
            serve_on(listening, serving), keep_workers(asked.workers, options, serving.stopping, grace_s=settings.drain_seconds + MARGIN_S)
        )
    return 0


def _stop_on_signals(stopping: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored, as `nohup` asks
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
