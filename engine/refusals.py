"""What the roles or the terms of an approval refuse is told in the audit, beside the answer to whoever asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from db.audit import audit_refusal
from db.connection import Pool
from epics.access_errors import Forbidden


@asynccontextmanager
async def refusals_told(pool: Pool, deed: str, *, kind: str, subject: str, repo: str = "") -> AsyncGenerator[None]:
    """Let what is refused inside leave a row; what else goes wrong leaves none, since nobody is to blame for it.

    Args:
        pool: connections to the database; what is inside must have no transaction open when it raises.
        deed: what the caller wants to do.
        kind: what it is to be done to.
        subject: which one, as it was named.
        repo: its repository, where that is known.

    Raises:
        Forbidden: what was raised inside.
    """
    try:
        yield
    except Forbidden as error:
        await audit_refusal(pool, deed, kind=kind, subject=subject, repo=repo, answer=error.code)
        raise
