"""What agents hand back is refused where it contradicts itself, and stored as it can be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from epics.verdicts import ChangeReport, Plan, Review

PLAN = {"summary": "s", "tasks": ["t"], "acceptance_criteria": ["c"]}


def review(verdict: str, *findings: dict[str, object]) -> Review:
    return Review.model_validate({"verdict": verdict, "summary": "looked at all of it", "findings": findings})


def finding(severity: str, **more: object) -> dict[str, object]:
    return {"id": "F1", "severity": severity, "file": "a.py", "what": "wrong", "why": "so", **more}


@pytest.mark.parametrize("severity", ["blocker", "major"])
def test_a_pass_with_an_open_finding_is_refused(severity):
    with pytest.raises(ValidationError, match="'passed' is refused"):
        review("passed", finding("minor"), finding(severity))


def test_a_pass_may_have_minor_findings_and_leaves_nothing_open():
    assert review("passed", finding("minor")).open_findings == ()


def test_findings_without_a_finding_are_refused():
    with pytest.raises(ValidationError, match="needs at least one"):
        review("findings")


def test_minor_findings_alone_must_not_be_changed():
    assert review("findings", finding("minor")).open_findings == ()


def test_blockers_and_majors_must_be_changed():
    judged = review("findings", finding("minor"), finding("major"), finding("blocker"))

    assert [found.severity.value for found in judged.open_findings] == ["major", "blocker"]


def test_a_finding_is_kept_small():
    with pytest.raises(ValidationError, match="at most 2000"):
        review("findings", finding("major", what="x" * 2_001))


def test_a_nul_becomes_a_character_that_can_be_stored():
    assert ChangeReport(summary="a\0b").summary == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("text", ["", "  ", "half a \ud800 pair", "x" * 8_001])
def test_a_text_that_is_none_is_refused(text):
    with pytest.raises(ValidationError):
        ChangeReport(summary=text)


def test_a_plan_that_allows_no_path_is_refused():
    with pytest.raises(ValidationError, match="at least 1 item"):
        Plan.model_validate({**PLAN, "allowed_paths": []})


def test_a_plan_that_says_nothing_of_paths_allows_all():
    assert Plan.model_validate(PLAN).allowed_paths == ("**",)
