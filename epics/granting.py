"""Which grants are within others: nobody hands on more than he has, and a key is never worth more than its person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pydantic import ValidationError

from epics.errors import InvalidInput
from epics.patterns import fits
from epics.roles import EVERYWHERE, Grant, Role

_STARS: Final = re.compile(r"\*+")
# Stand for the stars of the inner pattern, where it is held against the outer one: any text without a slash, and any text at all.
_ONE: Final = "\x00"
_ANY: Final = "\x01"


def is_within(inner: str, outer: str) -> bool:
    """Whether every repository that fits one pattern fits another; False also where that cannot be seen from the two."""
    if {_ONE, _ANY} & {*inner, *outer}:
        return False
    marked = _STARS.sub(lambda star: _ANY if len(star[0]) > 1 else _ONE, inner)
    # A single star of the outer pattern takes single ones of the inner in, but never a double one, which may hold slashes.
    return fits(outer, marked, single_refuses=f"/{_ANY}")


def covers(held: Iterable[Grant], wanted: Grant) -> bool:
    """Whether one of the grants that somebody holds has all that another grant would give."""
    return any(wanted.role.rank <= grant.role.rank and is_within(wanted.repo, grant.repo) for grant in held)


def capped(grants: Iterable[Grant], cap: Iterable[Grant]) -> tuple[Grant, ...]:
    """What is left of grants under others: for each two, the lesser role on the narrower pattern.

    Patterns that only overlap give nothing: there is no pattern for what they share, and too little is safe.
    """
    return _capped(tuple(grants), tuple(cap))


# Each request asks this of its key and its person, and each grant is held against each of the others.
@lru_cache(maxsize=1_024)
def _capped(grants: tuple[Grant, ...], cap: tuple[Grant, ...]) -> tuple[Grant, ...]:
    found: dict[Grant, None] = {}
    for grant in grants:
        for other in cap:
            narrow = grant.repo if is_within(grant.repo, other.repo) else other.repo if is_within(other.repo, grant.repo) else None
            if narrow is not None:
                found[Grant(role=min(grant.role, other.role, key=lambda role: role.rank), repo=narrow)] = None
    return tuple(found)


def grants_from(role: str | None, repos: Iterable[str] = (), pairs: Iterable[str] = ()) -> tuple[Grant, ...]:
    """Grants as people write them: one role on some repositories (on all if none is named), and pairs ROLE=PATTERN.

    Raises:
        InvalidInput: if a role does not exist, a pattern cannot be one, or repositories are named without a role.
    """
    patterns = tuple(repos)
    if patterns and role is None:
        raise InvalidInput("there are repositories and no role: say which one holds there, or give pairs ROLE=PATTERN")
    found = [] if role is None else [_grant(role, pattern) for pattern in patterns or (EVERYWHERE,)]
    for pair in pairs:
        name, equals, pattern = pair.partition("=")
        if not equals:
            raise InvalidInput(f"a grant is ROLE=PATTERN, such as approver=https://git.example.org/shop/*; it was {pair[:200]!r}")
        found.append(_grant(name, pattern))
    return tuple(dict.fromkeys(found))


def grant_text(grant: Grant) -> str:
    """A grant as it is written: the role alone where it holds everywhere."""
    return grant.role.value if grant.repo == EVERYWHERE else f"{grant.role}={grant.repo}"


def _grant(role: str, pattern: str) -> Grant:
    if role not in {each.value for each in Role}:
        raise InvalidInput(f"there is no role {role[:80]!r}; there are {', '.join(Role)}")
    if any(ord(char) < ord(" ") for char in pattern):
        raise InvalidInput("a pattern of repositories holds no control characters: * stands for anything but a slash, ** for anything")
    try:
        return Grant(role=Role(role), repo=pattern)
    except ValidationError as error:
        raise InvalidInput("a pattern of repositories has from 1 to 4096 characters, such as https://git.example.org/shop/*") from error
