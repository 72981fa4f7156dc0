"""What `genie serve` does: the API and its workers, begun together and ended together."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.mcp_alone import EVERYTHING, McpOffer
from api.mcp_alone import PATH as MCP_PATH
from api.reach import Reach, Tls
from api.server import bound_socket, serve_on, url_of
from api.serving import Serving, engine_kept_open
from cli.log import configure_log
from cli.output import Output
from cli.session import SCRIPT
from cli.supervise import keep_workers
from config.hooks import load_hooks
from config.network_types import host_names
from config.settings import Settings
from engine.access.giving import local_name
from engine.access.local import FILE as KEY_FILE
from engine.access.os_user import user_name
from engine.bootstrap import open_engine
from engine.engine import Engine
from epics.callers import Caller
from epics.errors import Environment, InvalidInput
from epics.roles import Grant, Role

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
    tls_cert: Path | None = None
    tls_key: Path | None = None
    names: tuple[str, ...] = ()
    behind_proxy: bool = False
    keys: bool = True
    mcp: McpOffer = EVERYTHING


def mcp_alone(host: str, port: int, workers: int, *, tools: str | None, read_only: bool) -> Asked:
    """What a server is asked for that has nothing but MCP."""
    offer = McpOffer(tools=tools, read_only=read_only, alone=True)
    return Asked(host=host, port=port, workers=workers, concurrency=None, mcp=offer)


async def serve_until_stopped(settings: Settings, asked: Asked) -> int:
    """Serve until a SIGTERM or Ctrl-C, then end in good order: 0."""
    configure_log(
        settings.log_level if "log_level" in settings.model_fields_set else "info",
        as_json=settings.log_format == "json",
        secrets=settings.secret_values(),
    )
    reach = reach_of(settings, asked)
    listening = bound_socket(reach)
    keyless = None if asked.keys else _everyone()
    serving = Serving(settings=settings, hosts=reach.hosts, keyless=keyless, hooks=load_hooks(settings), mcp=asked.mcp)
    _stop_on_signals(serving.stopping)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Engine]:
        async with open_engine(settings, script=SCRIPT, wait_s=POOL_WAIT_S) as engine:
            if asked.keys:
                await _make_key(engine, settings.home)
            yield engine

    options = [] if asked.concurrency is None else ["--concurrency", str(asked.concurrency)]
    async with engine_kept_open(serving, opened):
        where = url_of(listening, reach) + (MCP_PATH if asked.mcp.alone else "")
        Output().say(_first_line(where, settings, asked), style="bold")
        await asyncio.gather(
            serve_on(listening, serving, reach),
            keep_workers(asked.workers, options, serving.stopping, grace_s=settings.drain_seconds + MARGIN_S),
        )
    return 0


def reach_of(settings: Settings, asked: Asked) -> Reach:
    """How the server is reached: as the options say, and where they say nothing the settings.

    Raises:
        InvalidInput: if a certificate comes without its key, or a key without its certificate; or if a name is none.
    """
    cert, key = asked.tls_cert or settings.tls_cert, asked.tls_key or settings.tls_key
    if (cert is None) != (key is None):
        raise InvalidInput(f"{'--tls-key' if key is None else '--tls-cert'} is missing: a certificate and its key go together")
    return Reach(
        host=asked.host,
        port=asked.port,
        names=_names(asked, settings),
        tls=Tls(cert=cert, key=key) if cert is not None and key is not None else None,
        behind_proxy=asked.behind_proxy,
        proxies=settings.proxies,
        keys=asked.keys,
    )


async def _make_key(engine: Engine, home: Path) -> None:
    try:
        await engine.access.home_key(home)
    except OSError as error:
        raise Environment(
            f"the key of this machine cannot be kept in {home}: {error.strerror or error}; make that folder writable"
        ) from error


def _names(asked: Asked, settings: Settings) -> frozenset[str]:
    if not asked.names:
        return settings.names if asked.keys else frozenset()
    try:
        return frozenset(host_names(",".join(asked.names)).split(","))
    except ValueError as error:
        raise InvalidInput(f"--name takes the name of a host, such as genie.example.org, not {str(error)[:200]!r}") from error


def _first_line(url: str, settings: Settings, asked: Asked) -> str:
    told = f"serving at {url} with {asked.workers} worker{'' if asked.workers == 1 else 's'}"
    if not asked.keys:
        return f"{told}, WITHOUT KEYS: whoever reaches this port may do everything"
    return f"{told}; this machine's key is in {settings.home / KEY_FILE}"


def _everyone() -> Caller:
    return Caller(person=local_name(user_name()), channel="http", via="no keys", grants=(Grant(role=Role.ADMIN),))


def _stop_on_signals(stopping: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored, as `nohup` asks
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
