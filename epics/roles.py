"""Roles, what each may do, and on which repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import Field

from epics.patterns import fits
from epics.records import Record

EVERYWHERE: Final = "**"
"""The pattern that every repository fits."""

_STARS: Final = re.compile(r"\*\*|\*")


class Role(StrEnum):
    """What a person or a program is trusted with; stored data. Each may do all that those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place, from 0."""
        return list(Role).index(self)


class Deed(StrEnum):
    """What somebody does to Genie; stored data."""

    READ = "read"
    START = "start"
    STEER = "steer"
    """Resume, cancel, say something to the agent."""
    TRAVEL = "travel"
    """Roll back, undo, fork, name a moment, pick an attempt."""
    RUN = "run"
    """Run one workflow without an epic."""
    DECIDE = "decide"
    """Decide at a gate; also to say so in advance (`--yes`)."""
    ADMINISTER = "administer"
    """Keys, people, webhooks, secrets, the audit, retention, imports."""


NEEDED: Final[Mapping[Deed, Role]] = {
    Deed.READ: Role.VIEWER,
    Deed.START: Role.OPERATOR,
    Deed.STEER: Role.OPERATOR,
    Deed.TRAVEL: Role.OPERATOR,
    Deed.RUN: Role.OPERATOR,
    Deed.DECIDE: Role.APPROVER,
    Deed.ADMINISTER: Role.ADMIN,
}
"""The least role that each deed needs."""


class Grant(Record):
    """A role on the repositories that fit a pattern: `*` stands for anything but a slash, `**` for anything."""

    role: Role
    repo: str = Field(default=EVERYWHERE, min_length=1, max_length=4_096)

    @property
    def regex(self) -> str:
        """The pattern as a regular expression for PostgreSQL, for the whole of a repository's name."""
        plain = _STARS.split(self.repo)
        stars = [".*" if star == "**" else "[^/]*" for star in _STARS.findall(self.repo)] + [""]
        # What is about no repository is covered by a grant on everything alone.
        begins = "^" if self.repo == EVERYWHERE else "^(?=.)"
        return begins + "".join(re.escape(part) + star for part, star in zip(plain, stars, strict=True)) + "$"

    def covers(self, repo: str) -> bool:
        """Whether a repository fits the pattern; what is about none is covered by a grant on everything alone."""
        return fits(self.repo, repo) if repo else self.repo == EVERYWHERE
