from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from epics.approval_terms import DEFAULT_TERMS, AutoRule, Side, Terms, stricter
from epics.callers import Caller
from epics.roles import Grant, Role
from epics.steps import Step

NAMES = st.sampled_from(["anna", "ben", "group:leads", "group:ops", "role:approver", "role:admin"])
LISTS = st.lists(NAMES, max_size=3, unique=True).map(tuple)
TIMES = st.none() | st.integers(1, 1_000_000)
RULES = st.builds(AutoRule, name=st.sampled_from(["a", "b"]), gate=st.just(Step.PLAN_GATE), most_usd=st.none() | st.just(Decimal("2.50")))
SIDES = st.builds(Side, who=LISTS, escalate_to=LISTS)
TERMS = st.builds(
    Terms,
    who=LISTS,
    escalate_to=LISTS,
    also=st.lists(SIDES, max_size=2).map(tuple),
    quorum=st.integers(1, 5),
    own=st.booleans(),
    expires_s=TIMES,
    remind_s=TIMES,
    escalate_s=TIMES,
    on_expiry=st.sampled_from(["pause", "reject"]),
    auto=st.lists(RULES, max_size=2).map(tuple),
    no_auto=st.booleans(),
)
CALLERS = st.builds(
    Caller,
    person=st.sampled_from(["anna", "ben", "carla"]),
    channel=st.just("http"),
    grants=st.sampled_from([(), (Grant(role=Role.APPROVER),), (Grant(role=Role.ADMIN, repo="/repo"),)]),
    groups=st.sampled_from([(), ("leads",), ("ops", "leads")]),
)


def _may(terms: Terms, caller: Caller, *, escalated: bool) -> bool:
    return not terms.why_not(caller, "/repo", requested_by="anna", goes_on=True, escalated=escalated)


# A machine that is busy with other tests is slow at the first example, which says nothing about the rule.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TERMS, TERMS, CALLERS, st.booleans())
def test_under_the_stricter_terms_decides_who_may_under_both(one, other, caller, escalated):
    both = stricter(one, other)

    assert _may(both, caller, escalated=escalated) == (_may(one, caller, escalated=escalated) and _may(other, caller, escalated=escalated))


@given(TERMS, TERMS)
def test_nothing_is_looser_than_on_either_side(one, other):
    both = stricter(one, other)

    for each in (one, other):
        assert both.quorum >= each.quorum
        assert both.expires_s is None or each.expires_s is None or both.expires_s <= each.expires_s
        assert each.expires_s is None or both.expires_s is not None
        assert each.escalate_s is None or (both.escalate_s or 0) >= each.escalate_s
        assert not (each.no_auto and both.auto)
        assert not (each.on_expiry == "reject" and both.on_expiry == "pause")


@given(TERMS, TERMS, CALLERS, st.booleans())
def test_the_order_of_the_two_does_not_matter_to_anybody(one, other, caller, escalated):
    forth, back = stricter(one, other), stricter(other, one)

    assert _may(forth, caller, escalated=escalated) == _may(back, caller, escalated=escalated)
    told = {"quorum", "own", "expires_s", "remind_s", "escalate_s", "on_expiry", "no_auto"}
    assert forth.model_dump(include=told) == back.model_dump(include=told)


@given(TERMS)
def test_terms_come_back_from_the_database_as_they_were(terms):
    assert Terms.model_validate(terms.stored()) == terms


def test_the_terms_of_no_policy_let_everybody_decide_and_are_nothing_to_store():
    nobody = Caller(person="x", channel="http")

    assert not DEFAULT_TERMS.why_not(nobody, "/repo", requested_by="x", goes_on=True, escalated=False)
    assert DEFAULT_TERMS.stored() == {}


def test_a_role_is_had_by_those_above_it_and_only_on_its_repositories():
    terms = Terms(who=("role:approver",))
    admin = Caller(person="x", channel="http", grants=(Grant(role=Role.ADMIN, repo="/repo"),))

    assert not terms.why_not(admin, "/repo", requested_by=None, goes_on=True, escalated=False)
    assert "role:approver" in terms.why_not(admin, "/other", requested_by=None, goes_on=True, escalated=False)


def test_a_repository_cannot_name_its_way_past_the_list_of_the_server():
    repository = Terms(who=("mallory",), escalate_to=("mallory",), escalate_s=1)
    mallory = Caller(person="mallory", channel="http")

    both = stricter(repository, Terms(who=("group:leads",)))

    assert both.why_not(mallory, "/repo", requested_by=None, goes_on=True, escalated=True) == "those who may decide are group:leads"


@pytest.mark.parametrize("name", ["role:boss", "group:", "", " anna", "an\nna"])
def test_what_names_nobody_is_refused(name):
    with pytest.raises(ValidationError):
        Terms(who=(name,))
