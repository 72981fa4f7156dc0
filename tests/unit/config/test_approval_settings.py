from __future__ import annotations

import pytest

from config.approval_settings import load_server_approvals
from config.repository import repository_policy
from epics.errors import InvalidSettings
from epics.steps import Step

FULL = """\
[approvals]
who = ["anna", "group:leads", "role:admin"]
quorum = 2
own = false
expires = "3d"
remind = "4h"
escalate = "90m"
escalate_to = ["ben"]
on_expiry = "reject"

[approvals.plan_gate]
quorum = 1
own = true

[[approvals.auto]]
name = "docs"
gate = "merge_gate"
paths = ["docs/**"]
most_files = 5
most_lines = 200
most_usd = "2.50"
tests_passed = true
"""


def test_every_key_reaches_the_terms_and_a_gate_says_what_is_different_there():
    terms = repository_policy(FULL).approvals

    merge = terms[Step.MERGE_GATE]
    assert (merge.who, merge.quorum, merge.own) == (("anna", "group:leads", "role:admin"), 2, False)
    assert (merge.expires_s, merge.remind_s, merge.escalate_s) == (259_200, 14_400, 5_400)
    assert (merge.escalate_to, merge.on_expiry) == (("ben",), "reject")
    (rule,) = merge.auto
    assert (rule.name, rule.paths, rule.most_files, rule.most_lines, str(rule.most_usd), rule.tests_passed) == (
        *("docs", ("docs/**",)),
        *(5, 200, "2.50", True),
    )
    plan = terms[Step.PLAN_GATE]
    assert (plan.quorum, plan.own, plan.who, plan.auto) == (1, True, merge.who, ())


def test_a_file_that_says_nothing_of_approvals_has_no_terms():
    assert repository_policy("").approvals == {}


@pytest.mark.parametrize(
    "text, said",
    [
        pytest.param('[approvals]\n\nexpires = "3x"\n', "genie.toml:3: approvals.expires is '3x': is no time", id="no time"),
        pytest.param('[approvals]\nexpires = "0d"\n', "is no time", id="no time at all"),
        pytest.param("[approvals.merge_gate]\nqorum = 2\n", "did you mean 'quorum'", id="misspelt"),
        pytest.param("[approvals]\nquorum = 0\n", "approvals.quorum is 0", id="nobody"),
        pytest.param("[approvals]\nown = 1\n", "approvals.own is 1", id="no truth value"),
        pytest.param('[approvals]\nwho = ["role:boss"]\n', "names no role", id="no role"),
        pytest.param("[approvals]\nwho = []\n", "approvals.who", id="an empty list"),
        pytest.param('[approvals]\nwho = ["a"]\nquorum = 2\n', "needs 2 people", id="too few named"),
        pytest.param('[approvals]\nescalate = "1h"\n', "escalates to nobody", id="to nobody"),
        pytest.param('[[approvals.auto]]\nname = "x"\ngate = "merge_gate"\n', "has no condition", id="always"),
        pytest.param('[[approvals.auto]]\nname = "x"\ngate = "merge_gate"\npaths = []\n', "has no condition", id="no path"),
        pytest.param('[[approvals.auto]]\nname = "x"\ngate = "plan_gate"\nmost_files = 1\n', "not known at the plan_gate", id="too early"),
        pytest.param('[[approvals.auto]]\nname = "x"\ngate = "budget_gate"\nmost_usd = 1\n', "merge_gate", id="no such gate"),
        pytest.param('[[approvals.auto]]\nname = "x"\ngate = "merge_gate"\npaths = ["../x"]\n', "glob", id="outside"),
        pytest.param("[approvals]\nauto = true\n", "approvals.auto is True", id="all"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text, said):
    with pytest.raises(InvalidSettings, match=r"^genie\.toml:\d+: ") as refused:
        repository_policy(text)

    assert said in str(refused.value)


def test_the_server_can_switch_the_rules_of_a_repository_off(tmp_path):
    file = tmp_path / "approvals.toml"
    file.write_text('[approvals]\nauto = false\n[[repository]]\nrepo = "https://git.example.org/**"\n[repository.approvals]\nquorum = 3\n')
    server = load_server_approvals(file)
    own = repository_policy(FULL).approvals[Step.MERGE_GATE]

    here, there = (server.terms(Step.MERGE_GATE, repo, own) for repo in ("/repo", "https://git.example.org/team/app"))

    assert (here.auto, here.quorum, there.quorum) == ((), 2, 3)


def test_without_a_file_a_repository_alone_says_who_approves():
    own = repository_policy(FULL).approvals[Step.MERGE_GATE]

    assert load_server_approvals(None).terms(Step.MERGE_GATE, "/repo", own) == own


def test_a_file_of_the_server_that_cannot_be_read_stops_the_start(tmp_path):
    with pytest.raises(InvalidSettings, match="GENIE_APPROVALS_FILE cannot be read"):
        load_server_approvals(tmp_path / "none.toml")
