"""Who made a request, as that person is today: its parts are begun in that name, and some of them hours later."""

from __future__ import annotations

from typing import Final

from db.connection import Pool
from db.epics import Row
from db.keys import grants_in
from db.people import person_named
from epics.access_errors import Forbidden
from epics.callers import Caller
from epics.granting import capped

_OF_PEOPLE: Final = ("k-", "t-", "slack:", "jwt:")
"""What those are known by who are people here; somebody at the database itself need not be one."""


async def asker_today(pool: Pool, row: Row) -> Caller:
    """Who asked, with the roles and groups of today.

    Raises:
        Forbidden: if that is nobody here any more.
    """
    then = Caller.model_validate(row["caller"])
    person = await person_named(pool, then.person)
    if person is None:
        # Whom nobody registered has the roles that the identity provider gave.
        if then.via.startswith(_OF_PEOPLE) and not then.person.startswith("jwt:"):
            raise Forbidden(f"{then.person}, who asked for it, is nobody here any more")
        return then
    return then.model_copy(update={"grants": capped(then.grants, grants_in(person["grants"])), "groups": tuple(person["groups"])})
