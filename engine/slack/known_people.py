"""Who of those that may decide is known in Slack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from db.connection import Pool
from db.epics import fetch_all
from epics.approval_terms import ROLE, Side
from epics.callers import Caller
from epics.roles import Deed, Grant

_USER: Final = re.compile(r"[UW][A-Z0-9]{1,30}")


@dataclass(frozen=True, kw_only=True)
class KnownPeople:
    """Everybody who is known in the workspace, with the id of their Slack user."""

    people: tuple[tuple[Caller, str], ...] = ()

    def users(self, names: Iterable[str], repo: str) -> tuple[str, ...]:
        """The Slack users of people, groups and roles that may decide on a repository; of no name, of all who may."""
        listed = tuple(names)
        side = Side(who=listed) if listed else Side(who=(f"{ROLE}approver",))
        may = (found for found in self.people if found[0].may(Deed.DECIDE, repo) and side.has(found[0], repo, escalated=False))
        return tuple(dict.fromkeys(user for _, user in may))

    def user_of(self, person: str) -> str | None:
        """The Slack user of a person, or None."""
        return next((user for caller, user in self.people if caller.person == person), None)


async def known_people(pool: Pool, team: str) -> KnownPeople:
    """Read who is known in a workspace."""
    rows = await fetch_all(pool, "people_in_slack", {"team": team})
    return KnownPeople(
        people=tuple(
            (
                Caller(
                    person=row["name"],
                    channel="slack",
                    groups=tuple(row["groups"]),
                    grants=tuple(Grant.model_validate(grant) for grant in row["grants"]),
                ),
                str(row["value"]).partition("/")[2],
            )
            for row in rows
            if _USER.fullmatch(str(row["value"]).partition("/")[2])
        )
    )
