"""What one server process holds while it serves: the engine, or why there is none yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from api.mcp_alone import EVERYTHING, McpOffer
from api.slack.serving import SlackListening, slack_beside
from config.hooks import HookSource
from config.settings import Settings
from engine.engine import Engine
from engine.following import News
from engine.waiting import any_set
from epics.callers import Caller
from epics.errors import GenieError, StoreUnavailable

OpenEngine = Callable[[], AbstractAsyncContextManager[Engine]]

_FIRST_TRY_S: Final = 12.0
"""So long a start waits for its database; a host that does not even refuse would keep it waiting for more."""
_AGAIN_AFTER_S: Final = (0.5, 1.0, 2.0)


@dataclass(kw_only=True)
class Serving:
    """The state of a server; routes reach it by their dependencies."""

    settings: Settings
    hosts: frozenset[str]
    """The names under which the server may be called."""
    keyless: Caller | None = None
    """Whom everyone is taken for who reaches a server without keys, which only this machine can."""
    hooks: Mapping[str, HookSource] = field(default_factory=dict)
    """Who may tell this server what to do by `POST /hooks/{source}`."""
    mcp: McpOffer = EVERYTHING
    """What is offered to MCP clients."""
    engine_or_none: Engine | None = None
    news: News | None = None
    slack: SlackListening | None = None
    """What Slack is heard with; None without a bot token."""
    trouble: str = "the database is not open yet"
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server is to end: streams close then."""

    @property
    def engine(self) -> Engine:
        """The engine.

        Raises:
            StoreUnavailable: while the database has not been reached since the server started.
        """
        if self.engine_or_none is None:
            raise StoreUnavailable(self.trouble)
        return self.engine_or_none


@asynccontextmanager
async def engine_kept_open(serving: Serving, open_engine: OpenEngine) -> AsyncGenerator[None]:
    """Open the engine beside the server, which can say meanwhile that it has none; a database that comes later is taken then.

    Raises:
        GenieError: if the first try fails for a reason that no waiting mends.
    """
    settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()
    keeping = asyncio.create_task(_keep(serving, open_engine, settled, closing), name="keep-engine")
    try:
        await asyncio.wait({settled, keeping}, timeout=_FIRST_TRY_S, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            await keeping
        _settle(settled)
        yield
    finally:
        closing.set()
        await asyncio.wait({keeping})


async def _keep(serving: Serving, open_engine: OpenEngine, settled: asyncio.Future[None], closing: asyncio.Event) -> None:
    waits = iter(_AGAIN_AFTER_S)
    wait = _AGAIN_AFTER_S[-1]
    while not closing.is_set():
        try:
            async with open_engine() as engine, engine.news() as news:
                serving.engine_or_none, serving.news = engine, news
                _settle(settled)
                # In a thread: the libraries of graph and models take seconds to import, and no request is to wait for them.
                warming = asyncio.create_task(asyncio.to_thread(engine.warm_up), name="warm-up")
                try:
                    async with slack_beside(engine, serving.settings) as serving.slack:
                        await closing.wait()
                    await asyncio.wait({warming})
                finally:
                    # However it ends: no request is to be given an engine that is closed.
                    serving.engine_or_none, serving.news, serving.slack = None, None, None
        except GenieError as error:
            if not settled.done() and not isinstance(error, StoreUnavailable):
                raise
            if serving.trouble != str(error):
                structlog.get_logger().warning("serving without a database until it can be used", trouble=str(error))
            serving.trouble = str(error)
            _settle(settled)
            await any_set(closing, within=next(waits, wait))


def _settle(settled: asyncio.Future[None]) -> None:
    if not settled.done():
        settled.set_result(None)
