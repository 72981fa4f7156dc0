"""Roles that an identity provider gives people whom nobody registered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from epics.roles import EVERYWHERE, Grant, Role

REPOS: Final = "genie_repos"
"""The claim that holds patterns of repositories; without it the role holds on all."""

_MOST: Final = 200


def claimed_grants(claims: Mapping[str, Any], roles_claim: str | None) -> tuple[Grant, ...] | None:
    """What the claims of a token give; None where no claim has roles, and nothing where it has none that is known here.

    Args:
        claims: of a token that holds.
        roles_claim: the claim with the roles; with dots, one inside another.
    """
    if roles_claim is None:
        return None
    said = _texts(_at(claims, roles_claim))
    roles = [role for role in Role if role.value in said]
    if not roles:
        return ()
    highest = max(roles, key=lambda role: role.rank)
    # A claim that is there and cannot be read gives nothing: it was meant to narrow.
    patterns = _texts(claims[REPOS]) if REPOS in claims else (EVERYWHERE,)
    try:
        return tuple(Grant(role=highest, repo=pattern) for pattern in patterns)
    except ValidationError:
        return ()


def _at(claims: Mapping[str, Any], path: str) -> object:
    if path in claims:
        return claims[path]
    here: object = claims
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one text with spaces between its words."""
    if isinstance(value, str):
        return tuple(value.split()[:_MOST])
    return tuple(each for each in value[:_MOST] if isinstance(each, str)) if isinstance(value, list) else ()
