"""Staying with a CLI that was told what to do, until it is done."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import BaseModel

from executors.claude.belongings import Belongings
from executors.claude.events import Watch, event_in
from executors.claude.judging import Failure, correction_of, judge
from executors.claude.port import AgentProcess
from executors.claude.steering import hand_on, say
from executors.gateway.session import GatewaySession
from executors.port import Journal, Order

GRACE_S: Final = 15.0
"""How long a CLI whose call was refused may take to end by itself, and how long its own deadline is behind ours."""

CORRECTIONS: Final = 3
"""How often a result may be corrected that fits its schema and not its type."""


async def stay(
    process: AgentProcess, order: Order, journal: Journal, session: GatewaySession, belongings: Belongings, known: tuple[str, ...]
) -> BaseModel | Failure:
    """Stay with the CLI until it is done: tell it what people say, and see that it ends where its calls are refused.

    Args:
        process: the CLI.
        order: what is asked.
        journal: of the attempt.
        session: its gateway.
        belongings: what was told before.
        known: the ids of the answers that were recorded before this worker came.
    """
    watch = Watch(journal, known=known if process.adopted else ())
    if process.adopted:
        await journal.noted("agent_adopted", {})
    beside = (
        asyncio.create_task(hand_on(process, session, journal, belongings), name=f"steer-{order.epic}-{order.attempt}"),
        asyncio.create_task(_end_refused(process, session), name=f"refuse-{order.epic}-{order.attempt}"),
    )
    try:
        await _read(process, watch, order.workflow.output)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
    for task in beside:
        if not task.cancelled():
            task.result()
    ended = None if watch.result is not None else await process.wait()
    if watch.result is not None and session.failed is None:
        await session.finish(watch.results)
    return judge(watch.result, session.refusal, session.ledger, order.workflow.output, ended)


async def _read(process: AgentProcess, watch: Watch, output: type[BaseModel]) -> None:
    """Read what the CLI prints until it has a result, which it is asked to correct a few times where its type refuses it."""
    corrections = 0
    async for line in process.lines():
        event = event_in(line)
        if event is None:
            continue
        await watch.see(event, len(line))
        if watch.result is None:
            continue
        correction = correction_of(watch.result, output)
        if correction is None or corrections == CORRECTIONS:
            return
        corrections += 1
        watch.result = None
        if watch.is_live:
            await say(process, correction)


async def _end_refused(process: AgentProcess, session: GatewaySession) -> None:
    await session.refused.wait()
    if session.failed is None:
        await asyncio.sleep(GRACE_S)
    await process.kill()
