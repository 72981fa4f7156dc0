"""Who said yes in advance, as that person is today: what is decided at a gate is decided when the gate is reached."""

from __future__ import annotations

from typing import Final

from db.connection import Pool
from db.epics import Row
from db.keys import grants_in
from db.people import person_named
from epics.callers import Caller
from epics.granting import capped
from epics.roles import Deed

_OF_PEOPLE: Final = ("k-", "t-", "slack:", "jwt:")
"""What those are known by who are people here; somebody at the database itself need not be one."""


async def giver_today(pool: Pool, row: Row) -> Caller | str | None:
    """Who said yes to an epic with the roles and groups of today, or why that word counts no more; None if nobody knows who it was.

    Args:
        pool: connections to the database.
        row: the epic's facts.
    """
    if not row["yes_by"]:
        return None
    then = Caller.model_validate(row["yes_by"])
    person = await person_named(pool, then.person)
    if person is None:
        # Whom nobody registered has the roles that the identity provider gave.
        is_gone = then.via.startswith(_OF_PEOPLE) and not then.person.startswith("jwt:")
        return f"{then.person}, who gave it, is nobody here any more" if is_gone else then
    grants = capped(then.grants, grants_in(person["grants"]))
    today = then.model_copy(update={"grants": grants, "groups": tuple(person["groups"])})
    return today if today.may(Deed.DECIDE, row["repo"]) else f"{then.person}, who gave it, may not decide here any more"
