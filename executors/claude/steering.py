"""What is said to a CLI: its prompt, and what people say to it while it works."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from epics.errors import StoreUnavailable
from executors.claude.belongings import PROMPT, Belongings
from executors.claude.port import AgentProcess
from executors.gateway.session import GatewaySession
from executors.port import Journal, Said
from executors.sayings import told

LOOK_S: Final = 1.0
"""How often is looked for what people say: a turn of a model takes longer."""


async def say(process: AgentProcess, text: str) -> None:
    """Say something to the CLI, as its user does."""
    await process.say(json.dumps({"type": "user", "message": {"role": "user", "content": text}}).encode() + b"\n")


async def say_prompt(process: AgentProcess, belongings: Belongings, prompt: str) -> None:
    """Tell the CLI what to do."""
    await say(process, prompt)
    belongings.keep_told(PROMPT)


async def hand_on(process: AgentProcess, session: GatewaySession, journal: Journal, belongings: Belongings) -> None:
    """Give the CLI each thing that people say, once, until this is cancelled.

    The CLI tells its model at the next turn; only the turn that has the words in its request counts as having told them.
    """
    given = set(belongings.told())
    noted = set[int]()
    while True:
        for said in await _untold(journal):
            if said.n in noted:
                continue
            noted.add(said.n)
            text = told(said)
            session.sent(said, text)
            if said.n not in given:
                await say(process, text)
                belongings.keep_told(said.n)
        await asyncio.sleep(LOOK_S)


async def _untold(journal: Journal) -> tuple[Said, ...]:
    try:
        return await journal.said()
    except StoreUnavailable:
        # Whatever must not be lost meanwhile is recorded by the gateway, which lets nothing through without the database.
        return ()
