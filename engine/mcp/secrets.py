"""Secrets of MCP servers: stored sealed under names of their own, opened where a server is started, kept out of all else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from db.connection import Pool
from db.secrets import sealed_secrets
from engine.stored_settings import context_of
from epics.access_errors import SecretUnreadable
from epics.patterns import fits
from safety.secrets import Redactor

MCP_SECRET: Final = re.compile(r"mcp_[a-z0-9_]{1,60}")
"""Their names: a `.mcp.json` can refer to no other secret of the installation."""


async def mcp_secrets(pool: Pool, names: Collection[str]) -> dict[str, str]:
    """Open the secrets of these names; one that is not stored, or cannot be opened here, is not there.

    From then on their values are taken out of whatever this process writes and shows.
    """
    wanted = {name for name in names if MCP_SECRET.fullmatch(name)}
    if not wanted:
        return {}
    opened = dict[str, str]()
    kept = await sealed_secrets(pool)
    for name in sorted(wanted & kept.keys()):
        try:
            opened[name] = await pool.sealer.opened(kept[name], context_of(name))
        except SecretUnreadable:
            continue  # whoever needs it is told that it is not there
    _keep_out(pool, opened.values())
    return opened


def withheld_from(repo: str, names: Collection[str], allowances: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return those of some secrets that a repository's own workflows are not given: whoever may push there says where they would go.

    Args:
        repo: whose workflows refer to them.
        names: of the secrets.
        allowances: patterns of secrets, and of the repositories that may have them.
    """
    allowed = [secret for secret, pattern in allowances if fits(pattern, repo)]
    return frozenset(name for name in names if not any(fits(secret, name) for secret in allowed))


async def known_mcp_secrets(pool: Pool) -> tuple[str, ...]:
    """The values of all that can be opened here."""
    return tuple((await mcp_secrets(pool, list(await sealed_secrets(pool)))).values())


def _keep_out(pool: Pool, values: Collection[str]) -> None:
    new = [value for value in values if pool.clean(value) == value]
    if new:
        pool.clean_also_with(Redactor(new).json)
