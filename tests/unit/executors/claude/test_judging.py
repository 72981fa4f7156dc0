"""How the end of a CLI is judged."""

from __future__ import annotations

from typing import Any

import pytest

from epics.verdicts import ChangeReport
from executors.claude.judging import judge, recorded_output
from executors.claude.port import Exit
from executors.gateway.refusals import Refusal
from executors.ledger import Ledger
from executors.port import Turn

REPORT = {"summary": "done", "addressed": []}


def judged(result, refusal=None, ledger=None, ended=None) -> Any:
    return judge(result, refusal, ledger or Ledger(turns=3), ChangeReport, ended)


def turn(*, accepted=True, name="StructuredOutput", given=REPORT, results=True):
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "ok", "is_error": not accepted}
    return Turn(
        n=1,
        request_hash="",
        model="anthropic:m",
        request={"protocol": "anthropic", "kept": 0, "messages": []},
        answer={"content": [{"type": "tool_use", "id": "t1", "name": name, "input": given}]},
        results={"protocol": "anthropic", "messages": [{"role": "user", "content": [result]}]} if results else None,
    )


def test_a_typed_output_is_what_counts():
    assert judged({"subtype": "success", "is_error": False, "structured_output": REPORT}) == ChangeReport(summary="done")


def test_a_success_that_says_that_it_is_an_error_is_one():
    failure = judged(
        {"subtype": "success", "is_error": True, "api_error_status": 400, "result": "API Error: no", "structured_output": REPORT}
    )

    assert (failure.ended_by, failure.kind) == ("error", "provider")
    assert "status 400" in failure.said


def test_a_success_without_a_typed_output_is_none():
    failure = judged({"subtype": "success", "is_error": False, "result": "All done!"})

    assert (failure.ended_by, failure.kind) == ("error", "no_output")


def test_an_output_of_another_form_is_none():
    failure = judged({"subtype": "success", "is_error": False, "structured_output": {"verdict": "fine"}})

    assert (failure.ended_by, failure.kind) == ("error", "no_output")
    assert "summary" in failure.said


def test_an_output_that_never_fitted_the_schema_is_none():
    assert judged({"subtype": "error_max_structured_output_retries", "is_error": True}).kind == "no_output"


def test_turns_that_the_cli_counted_itself_are_turns():
    assert judged({"subtype": "error_max_turns", "is_error": True}).ended_by == "turns"


@pytest.mark.parametrize(
    "kind, ended_by, error_kind",
    [
        ("budget", "budget", None),
        ("turns", "turns", None),
        ("timeout", "timeout", None),
        ("cancelled", "cancelled", None),
        ("provider", "error", "provider"),
        ("unavailable", "error", "unavailable"),
        ("model", "error", "provider"),
    ],
)
def test_what_the_gateway_refused_is_believed_and_not_what_the_cli_made_of_it(kind, ended_by, error_kind):
    told = {"subtype": "success", "is_error": True, "api_error_status": 400, "result": "API Error"}

    failure = judged(told, Refusal(kind=kind, said="the gateway's own words"))

    assert (failure.ended_by, failure.kind, failure.said) == (ended_by, error_kind, "the gateway's own words")


def test_a_cli_that_broke_off_says_what_ended_it():
    failure = judged(None, ended=Exit(code=137, cause="out_of_memory", said="the kernel ended it"))

    assert (failure.ended_by, failure.kind, failure.cause) == ("error", "environment", "out_of_memory")
    assert "the kernel ended it" in failure.said


def test_an_answer_that_a_limit_cut_short_is_the_budgets():
    assert judged({"subtype": "success", "is_error": False}, ledger=Ledger(turns=1, shortened=True)).ended_by == "budget"


def test_an_output_that_was_recorded_and_accepted_is_the_end():
    assert recorded_output([turn()], ChangeReport) == ChangeReport(summary="done")


@pytest.mark.parametrize(
    "last",
    [turn(accepted=False), turn(results=False), turn(name="Write"), turn(given={"nonsense": 1})],
    ids=["refused", "open", "other", "form"],
)
def test_anything_else_is_no_end(last):
    assert recorded_output([last], ChangeReport) is None
