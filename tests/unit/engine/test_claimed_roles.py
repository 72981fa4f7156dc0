"""Roles in the claims of an identity provider's tokens."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access.claimed_roles import claimed_grants
from epics.roles import Grant, Role

APPROVER = (Grant(role=Role.APPROVER),)


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["viewer", "approver", "baker"]},
        {"roles": "baker approver"},
        {"roles": "approver"},
        {"roles": ["approver", 7, None]},
    ],
)
def test_the_highest_role_of_a_claim_holds(claims: dict[str, Any]):
    assert claimed_grants(claims, "roles") == APPROVER


def test_a_claim_may_stand_inside_another_and_a_name_with_dots_comes_first():
    assert claimed_grants({"realm": {"roles": ["approver"]}}, "realm.roles") == APPROVER
    assert claimed_grants({"https://genie.example.org/roles": ["approver"]}, "https://genie.example.org/roles") == APPROVER


@pytest.mark.parametrize(
    "claims",
    [{}, {"roles": []}, {"roles": {"approver": True}}, {"roles": ["Approver", "administrator"]}, {"roles": 3}, {"realm": "x"}],
)
def test_what_is_no_role_gives_nothing(claims: dict[str, Any]):
    assert claimed_grants(claims, "roles") == ()
    assert claimed_grants(claims, "realm.roles.more") == ()


def test_repositories_narrow_the_role_and_what_cannot_be_read_takes_it():
    def worth(repos: object) -> object:
        return claimed_grants({"roles": "viewer", "genie_repos": repos}, "roles")

    assert worth(["shop/*", "docs/*"]) == (Grant(role=Role.VIEWER, repo="shop/*"), Grant(role=Role.VIEWER, repo="docs/*"))
    assert worth([]) == worth(None) == worth({}) == worth([""]) == worth(["x" * 5_000]) == ()


def test_without_a_claim_that_was_named_nobody_has_a_role():
    assert claimed_grants({"roles": ["admin"]}, None) is None
