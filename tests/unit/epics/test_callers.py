"""Callers: what a person may do, and on which repositories."""

from __future__ import annotations

import asyncio

import pytest

from epics.access_errors import Forbidden
from epics.callers import GENIE, Caller, acting_as, current_caller
from epics.knowledge import own_project
from epics.roles import Deed, Grant, Role

OURS = "https://git.example.org/team/app"
THEIRS = "https://git.example.org/other/app"


def anna(*grants: Grant) -> Caller:
    return Caller(person="anna", channel="http", grants=grants)


@pytest.mark.parametrize(
    "role, allowed",
    [
        (Role.VIEWER, {Deed.READ}),
        (Role.OPERATOR, {Deed.READ, Deed.START, Deed.STEER, Deed.TRAVEL, Deed.RUN}),
        (Role.APPROVER, set(Deed) - {Deed.ADMINISTER}),
        (Role.ADMIN, set(Deed)),
    ],
)
def test_each_role_may_do_what_those_before_it_may_and_more(role: Role, allowed: set[Deed]):
    caller = anna(Grant(role=role))

    assert {deed for deed in Deed if caller.may(deed, OURS)} == allowed


def test_a_role_on_one_repository_is_none_on_another():
    caller = anna(Grant(role=Role.APPROVER, repo="https://git.example.org/team/*"))

    assert caller.may(Deed.DECIDE, OURS)
    assert not caller.may(Deed.READ, THEIRS)


def test_the_highest_role_that_fits_counts():
    caller = anna(Grant(role=Role.VIEWER), Grant(role=Role.OPERATOR, repo=OURS))

    assert (caller.role_on(OURS), caller.role_on(THEIRS)) == (Role.OPERATOR, Role.VIEWER)


def test_an_admin_of_some_repositories_administers_no_installation():
    caller = anna(Grant(role=Role.ADMIN, repo="https://git.example.org/team/*"))

    assert caller.may(Deed.ADMINISTER, OURS)
    assert not caller.may(Deed.ADMINISTER)


def test_what_is_about_no_repository_needs_a_role_on_everything():
    one, all_of_them = Grant(role=Role.ADMIN, repo="*"), Grant(role=Role.OPERATOR)

    with pytest.raises(Forbidden, match="anna may not run on no repository: that needs operator on everything"):
        anna(one).check(Deed.RUN, "")
    assert anna(all_of_them).may(Deed.RUN, "")


def test_what_is_a_persons_own_is_there_for_them_and_for_who_administers_everything():
    mine, bob = own_project("anna"), Caller(person="bob", channel="http", grants=(Grant(role=Role.APPROVER),))

    assert anna(Grant(role=Role.VIEWER, repo=OURS)).may(Deed.ADMINISTER, mine)
    assert GENIE.may(Deed.ADMINISTER, mine)
    with pytest.raises(Forbidden, match="person:anna is anna's own"):
        bob.check(Deed.READ, mine)
    assert not Caller(person="anna", channel="http").may(Deed.READ, mine)


def test_a_star_stands_for_no_slash_and_two_do():
    one, two = Grant(role=Role.VIEWER, repo="/srv/*/app"), Grant(role=Role.VIEWER, repo="/srv/**")

    assert (one.covers("/srv/a/app"), one.covers("/srv/a/b/app"), two.covers("/srv/a/b/app")) == (True, False, True)


def test_a_pattern_means_its_other_characters():
    assert not Grant(role=Role.VIEWER, repo="/srv/a.p").covers("/srv/app")
    assert not Grant(role=Role.VIEWER, repo="/srv/app").covers("/srv/app\n")


def test_who_may_not_is_told_which_role_it_needs():
    with pytest.raises(Forbidden, match=r"anna is viewer on .*needs approver"):
        anna(Grant(role=Role.VIEWER)).check(Deed.DECIDE, OURS)


async def test_each_task_acts_for_its_own_caller():
    async def who(name: str) -> str:
        with acting_as(anna().model_copy(update={"person": name})):
            await asyncio.sleep(0)
            return current_caller().person

    assert await asyncio.gather(who("anna"), who("ben")) == ["anna", "ben"]
    assert current_caller() is GENIE
