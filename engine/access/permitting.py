"""Holding what somebody asks for against the roles: the one check behind the role table."""

from __future__ import annotations

import os.path
from typing import Final

from db.connection import Pool
from engine.access.role_table import Needed, Of
from engine.finding import found_approval, found_ask, found_epic, found_run
from engine.sessions.finding import found_session
from epics.callers import current_caller
from timemachine.urls import is_url

_FINDERS: Final = {Of.EPIC: found_epic, Of.RUN: found_run, Of.ASK: found_ask, Of.SESSION: found_session, Of.APPROVAL: found_approval}


async def permit(pool: Pool, needed: Needed, named: str | None) -> None:
    """See that the caller may do what it asks for.

    Args:
        pool: connections to the database.
        needed: the deed, and what kind of thing is named.
        named: what was named of that kind, as it was given; None if nothing was.

    Raises:
        NotFound: if there is no such thing, or the caller may not even read it: one text for both.
        InvalidInput: if several things can be meant.
        Forbidden: if the caller may read it, and not do this.
    """
    current_caller().check(needed.deed, await _repository(pool, needed.of, named))


async def _repository(pool: Pool, of: Of, named: str | None) -> str | None:
    if named is None or of is Of.NOTHING:
        return None
    if of is Of.REPO:
        # By name first, before anybody looks for it; where it then is decides too (`start_epic`).
        return named if is_url(named) else os.path.normpath(named)
    # An approval is also named by the epic that waits for it.
    finds = found_epic if of is Of.APPROVAL and named.startswith("e-") else _FINDERS[of]
    return (await finds(pool, named)).repo
