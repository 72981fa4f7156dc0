from __future__ import annotations

from decimal import Decimal

import pytest

from engine.approvals.judging import Facts, why_no_yes, why_not
from epics.approval_terms import AutoRule, Terms
from epics.steps import Step

FACTS = Facts(paths=("docs/a.md", "docs/b.md"), lines=30, spent_usd=Decimal("1.20"), tests_passed=True)


def rule(**conditions: object) -> AutoRule:
    return AutoRule.model_validate({"name": "r", "gate": Step.MERGE_GATE, **conditions})


def test_a_rule_holds_where_each_of_its_conditions_does():
    assert not why_not(rule(paths=("docs/**",), most_files=2, most_lines=30, most_usd="1.20", tests_passed=True), FACTS)


@pytest.mark.parametrize(
    "conditions, why",
    [
        pytest.param({"paths": ("docs/a.md",)}, "outside of its paths: docs/b.md", id="paths"),
        pytest.param({"most_files": 1}, "2 files changed", id="files"),
        pytest.param({"most_lines": 29}, "30 lines changed", id="lines"),
        pytest.param({"most_usd": "1.19"}, "it has cost 1.20 USD", id="cost"),
    ],
)
def test_one_condition_that_does_not_hold_is_enough(conditions, why):
    assert why in why_not(rule(tests_passed=True, **{"paths": ("**",), **conditions}), FACTS)


def test_tests_that_did_not_pass_are_for_a_person():
    failed = Facts(paths=(), lines=0, spent_usd=Decimal(0), tests_passed=False)

    assert why_not(rule(tests_passed=True), failed) == "the tests did not pass"


def test_what_has_no_lines_is_for_a_person_where_lines_are_counted():
    hidden = Facts(paths=("docs/a.js",), lines=0, spent_usd=Decimal(0), tests_passed=True, binary=("docs/a.js",))

    assert why_not(rule(most_lines=10), hidden) == "no lines can be counted of docs/a.js"
    assert not why_not(rule(paths=("docs/**",), most_files=1), hidden)


def test_what_a_person_is_to_see_no_rule_approves():
    delicate = Facts(paths=("genie.toml",), lines=1, spent_usd=Decimal(0), tests_passed=True, delicate=("genie.toml",))

    assert why_not(rule(paths=("**",)), delicate) == "a person is to see genie.toml"


@pytest.mark.parametrize(
    "terms, counts",
    [
        pytest.param(Terms(), True, id="no terms"),
        pytest.param(Terms(who=("anna",)), False, id="a list"),
        pytest.param(Terms(quorum=2), False, id="a quorum"),
        pytest.param(Terms(own=False), False, id="not who asked"),
    ],
)
def test_a_yes_of_an_older_release_that_nobody_signed_counts_only_where_anybody_may_decide(terms, counts):
    row = {"repo": "/repo", "requested_by": None}

    assert (not why_no_yes(terms, row, None)) is counts
