"""Which grants are within others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epics.errors import InvalidInput
from epics.granting import capped, covers, grant_text, grants_from, is_within
from epics.roles import Grant, Role

PATTERNS = st.text(alphabet="ab/*", min_size=1, max_size=6)
REPOS = tuple("".join(chars) for size in range(5) for chars in itertools.product("ab/", repeat=size))


def grant(text: str) -> Grant:
    (found,) = grants_from(None, (), [text if "=" in text else f"{text}=**"])
    return found


@pytest.mark.parametrize(
    "inner, outer",
    [
        ("shop/web", "shop/web"),
        ("shop/web", "shop/*"),
        ("shop/*", "shop/**"),
        ("shop/*", "shop/*"),
        ("shop/w*", "shop/*"),
        ("shop/*/x", "shop/**"),
        ("**", "**"),
        ("**/x", "**"),
    ],
)
def test_a_narrower_pattern_is_within_a_wider_one(inner: str, outer: str):
    assert is_within(inner, outer)


@pytest.mark.parametrize(
    "inner, outer",
    [
        ("shop/*", "shop/web"),
        ("shop/**", "shop/*"),
        ("**", "*"),
        ("**", "*/*"),
        ("shop/web/deep", "shop/*"),
        ("shop*", "shop/*"),
        ("*/web", "shop/*"),
        ("a\x00", "**"),
        ("a\x01b", "a*b"),
    ],
)
def test_a_wider_or_a_crossing_pattern_is_not(inner: str, outer: str):
    assert not is_within(inner, outer)


@given(inner=PATTERNS, outer=PATTERNS)
def test_what_is_within_covers_nothing_that_the_outer_does_not(inner: str, outer: str):
    inside, outside = Grant(role=Role.VIEWER, repo=inner), Grant(role=Role.VIEWER, repo=outer)

    leaks = [repo for repo in REPOS if is_within(inner, outer) and inside.covers(repo) and not outside.covers(repo)]

    assert leaks == []


@given(one=PATTERNS, other=PATTERNS)
def test_what_is_left_under_a_cap_is_covered_by_both(one: str, other: str):
    left = capped([Grant(role=Role.ADMIN, repo=one)], [Grant(role=Role.OPERATOR, repo=other)])

    for repo in REPOS:
        roles = {each.role for each in left if each.covers(repo)}
        assert roles <= {Role.OPERATOR}
        assert not roles or (Grant(role=Role.ADMIN, repo=one).covers(repo) and Grant(role=Role.ADMIN, repo=other).covers(repo))


def test_a_cap_takes_the_lesser_role_on_the_narrower_pattern():
    left = capped([grant("admin=shop/**"), grant("viewer")], [grant("approver=shop/web"), grant("operator=docs/*")])

    assert sorted(map(grant_text, left)) == ["approver=shop/web", "viewer=docs/*", "viewer=shop/web"]


def test_nobody_has_anything_under_nothing():
    assert capped([grant("admin")], []) == ()
    assert capped([], [grant("admin")]) == ()


def test_a_grant_is_covered_by_one_with_the_role_and_the_place():
    held = [grant("admin=shop/*"), grant("viewer")]

    assert covers(held, grant("approver=shop/web"))
    assert covers(held, grant("viewer=docs/x"))
    assert not covers(held, grant("operator=docs/x"))
    assert not covers(held, grant("admin=shop/**"))


def test_grants_are_read_as_people_write_them():
    found = grants_from("operator", ["shop/*", "docs/*"], ["admin=https://git.example.org/a=b", "admin=https://git.example.org/a=b"])

    assert found == (grant("operator=shop/*"), grant("operator=docs/*"), grant("admin=https://git.example.org/a=b"))
    assert grants_from("viewer") == (Grant(role=Role.VIEWER, repo="**"),)
    assert grants_from(None) == ()
    assert [grant_text(each) for each in found[:1]] == ["operator=shop/*"]
    assert grant_text(Grant(role=Role.VIEWER)) == "viewer"


@pytest.mark.parametrize(
    "role, repos, pairs, said",
    [
        ("emperor", [], [], "no role 'emperor'"),
        (None, ["shop/*"], [], "no role"),
        (None, [], ["admin"], "ROLE=PATTERN"),
        (None, [], ["admin="], "1 to 4096"),
        ("viewer", ["a\nb"], [], "control"),
        ("viewer", ["a\x01b"], [], "control"),
    ],
)
def test_what_is_no_grant_is_refused(role: str | None, repos: list[str], pairs: list[str], said: str):
    with pytest.raises(InvalidInput, match=said):
        grants_from(role, repos, pairs)


def test_what_is_left_is_worked_out_once_for_the_same_grants_since_each_request_asks():
    many = [grant(f"operator=shop/team-{n}/**") for n in range(30)]

    assert capped(many, [*many]) is capped([*many], many)
