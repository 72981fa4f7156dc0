"""Who does something: one person, whatever channel the deed comes by, with the roles that hold for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from pydantic import Field

from epics.access_errors import Forbidden
from epics.knowledge import owner_of
from epics.records import Record
from epics.roles import EVERYWHERE, NEEDED, Deed, Grant, Role


class Caller(Record):
    """Who does something, by what channel, known by what, from where."""

    person: str = Field(description="The one name that the person, or the program, has in all channels.")
    channel: str = Field(description="cli, http, slack, hook, mcp or auto.")
    via: str = Field(default="", description="What it is known by: the id of a key or token, a Slack user, a user of the system.")
    address: str = Field(default="", description="Where a request came from, if it came over the network.")
    grants: tuple[Grant, ...] = ()
    groups: tuple[str, ...] = ()

    def role_on(self, repo: str) -> Role | None:
        """The highest role on a repository, or None; what is a person's own is there for that person and for an admin of everything."""
        if (owner := owner_of(repo)) is not None:
            return Role.ADMIN if self.may(Deed.ADMINISTER) or (self.grants and owner == self.person) else None
        return max((grant.role for grant in self.grants if grant.covers(repo)), key=lambda role: role.rank, default=None)

    def may(self, deed: Deed, repo: str | None = None) -> bool:
        """Whether a deed is allowed on a repository; without one, whether it is allowed on any (administering: on all)."""
        needed = NEEDED[deed].rank
        if repo is not None:
            role = self.role_on(repo)
            return role is not None and role.rank >= needed
        # What is not of one repository can only be administered by who administers them all.
        return any(grant.role.rank >= needed and (deed is not Deed.ADMINISTER or grant.repo == EVERYWHERE) for grant in self.grants)

    def check(self, deed: Deed, repo: str | None = None) -> None:
        """Hold a deed against the roles.

        Raises:
            Forbidden: if it is not allowed; says which role it needs.
        """
        if not self.may(deed, repo):
            where = f" on {repo}" if repo is not None else ""
            has = self.role_on(repo) if repo is not None else None
            message = f"{self.person} is {has or 'nothing'}{where}, and to {deed} there needs {NEEDED[deed]}: ask an admin for it"
            if repo is None:
                message = f"{self.person} may not {deed} here: that needs {NEEDED[deed]}; ask an admin for it"
            elif not repo:
                message = f"{self.person} may not {deed} on no repository: that needs {NEEDED[deed]} on everything; name a repository"
            elif (owner := owner_of(repo)) is not None:
                message = f"{repo} is {owner}'s own: it is there for {owner}, and for an admin of everything"
            raise Forbidden(message)

    def grants_for(self, deed: Deed) -> tuple[Grant, ...] | None:
        """The grants that allow a deed, each on its repositories; None if one of them allows it on all."""
        granted = tuple(grant for grant in self.grants if grant.role.rank >= NEEDED[deed].rank)
        return None if any(grant.repo == EVERYWHERE for grant in granted) else granted


GENIE: Final = Caller(person="genie", channel="auto", grants=(Grant(role=Role.ADMIN),))
"""Genie itself: what nobody asked for."""

_acting: ContextVar[Caller] = ContextVar("acting", default=GENIE)


def current_caller() -> Caller:
    """Who the work of this task is done for; Genie itself where no face said."""
    return _acting.get()


@contextmanager
def acting_as(caller: Caller) -> Generator[Caller]:
    """Let what is done inside be done for a caller. Each face says so once, where a request comes in."""
    token = _acting.set(caller)
    try:
        yield caller
    finally:
        _acting.reset(token)
