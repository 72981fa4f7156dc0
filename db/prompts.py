"""The rows of prompts: versions of what agents are told first, one of each kind active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.storable import jsonb

DEFAULT: Final = "default"
"""The status key of the prompt that an agent is told unless another one is asked for."""


async def prompt_of_agent(pool: Pool, agent: str, text: str, variables: Mapping[str, str]) -> Row:
    """The active prompt of an agent, whose code says this."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            values = {"agent": agent, "text": text, "variables": jsonb(dict(variables))}
            row = await (await connection.execute(QUERIES["prompt_of_agent"], values)).fetchone()
    if row is None:
        message = f"prompt_of_agent() gave no row for {agent}"
        raise LookupError(message)
    return row


async def active_prompt(pool: Pool, agent: str, key: str) -> Row | None:
    """The active prompt of an agent under a status key."""
    return await fetch_one(pool, "active_prompt", {"agent": agent, "key": key})


async def add_prompt(connection: Connection, agent: str, key: str, text: str, variables: Mapping[str, str], author: str) -> Row | None:
    """Add the next version, which is not active yet."""
    values = {"agent": agent, "key": key, "text": text, "variables": jsonb(dict(variables)), "author": author}
    return await (await connection.execute(QUERIES["add_prompt"], values)).fetchone()


async def activate_prompt(connection: Connection, agent: str, key: str, version: int) -> Row | None:
    """Let a version be the active one; None if there is no such version."""
    return await (await connection.execute(QUERIES["activate_prompt"], {"agent": agent, "key": key, "version": version})).fetchone()


async def one_prompt(pool: Pool, agent: str, key: str, version: int) -> Row | None:
    """One version."""
    return await fetch_one(pool, "one_prompt", {"agent": agent, "key": key, "version": version})


async def list_prompts(pool: Pool, asked: Mapping[str, Any]) -> list[Row]:
    """Versions by agent and status key, the newest first; `asked` has agent, key, active, limit and the last one seen."""
    return await fetch_all(pool, "list_prompts", asked)
