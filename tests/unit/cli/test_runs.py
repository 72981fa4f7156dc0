"""What people type for runs, and what they are told of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from cli.errors import STATUS_CODES, Interrupted, sentence_of
from cli.events import event_line
from cli.inputs import variables_from
from cli.render_run import run_parts, summary
from engine.runs.views import RunView
from engine.views import EventView, Tokens
from epics.errors import InvalidInput
from epics.runs import RUN_ENDED, RunStatus, is_run

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RUN = RunView(
    id="r-0123456789",
    workflow="review",
    task="Greet people",
    repo="/repo",
    base="main",
    revision="work",
    start_commit="ab" * 20,
    status=RunStatus.DONE,
    ended_by="done",
    error="",
    output={"verdict": "findings", "summary": "It shouts.\x1b[31m", "findings": [{"id": "F1", "severity": "major", "what": "Too loud"}]},
    branch=None,
    commit="cd" * 20,
    files_changed=(),
    violations=(),
    unpublished="",
    tests=None,
    turns=3,
    cost_usd=Decimal("0.25"),
    reserved_usd=Decimal(0),
    budget_usd=None,
    tokens=Tokens(input=10, output=5),
    executor="in_process",
    model="some:model",
    labels={},
    queue_place=None,
    retry_at=None,
    created_at=AT,
    updated_at=AT,
    ended_at=AT,
)


def shown(run):
    out = StringIO()
    console = Console(file=out, width=160, color_system=None)
    for part in run_parts(run):
        console.print(part)
    return out.getvalue()


def test_variables_are_typed_or_read_from_files(tmp_path):
    (tmp_path / "plan.json").write_text('{"summary": "x"}')

    given = variables_from(["guidance=be brief = be good", f"plan=@{tmp_path / 'plan.json'}", "diff="])

    assert given == {"guidance": "be brief = be good", "plan": '{"summary": "x"}', "diff": ""}


@pytest.mark.parametrize("pairs", [["guidance"], ["=x"], ["a=1", "a=2"], ["plan=@/nowhere"]])
def test_what_is_no_variable_is_refused(pairs):
    with pytest.raises(InvalidInput):
        variables_from(pairs)


def test_a_run_is_shown_with_what_was_handed_back_and_steers_no_terminal():
    text = shown(RUN)

    assert "F1 · major · Too loud" in text
    assert "It shouts." in text
    assert "\x1b" not in text
    assert "(work)" in text
    assert summary(RUN) == "run r-0123456789: done · cost $0.25 · 3 turns · in 0.0 s"


def test_a_run_that_failed_says_why():
    failed = RUN.model_copy(update={"status": RunStatus.FAILED, "ended_by": "budget", "error": "too dear", "output": None})

    text = shown(failed)

    assert "too dear" in text
    assert "budget" in text


@pytest.mark.parametrize(
    "kind, data, said",
    [
        ("run_queued", {"goal": "Greet people"}, "run queued: Greet people"),
        ("run_taken", {"epoch": 2}, "taken up again"),
        ("run_postponed", {"until": "noon", "problem": "no model"}, "waits until noon: no model"),
        ("run_ended", {"status": "done", "summary": "It greets.", "branch": "genie/r-1/x/attempt_1"}, "done: It greets."),
        ("run_ended", {"status": "cancelled", "problem": "by ann"}, "cancelled: by ann"),
    ],
)
def test_what_happens_in_a_run_has_a_line(kind, data, said):
    line = event_line(EventView(id=1, type=kind, time=AT, data=data))

    assert said in str(line)


def test_who_interrupts_a_run_is_told_how_it_goes_on():
    assert sentence_of(Interrupted("r-0abc")) == "interrupted; go on with: genie run resume r-0abc"
    assert "genie run watch r-0abc" in sentence_of(Interrupted("r-0abc", goes_on=True))


def test_each_end_of_a_run_has_an_exit_code():
    assert {status: int(STATUS_CODES[status]) for status in sorted(RUN_ENDED)} == {"cancelled": 1, "done": 0, "failed": 1}


def test_an_id_tells_a_run_from_an_epic():
    assert is_run("r-0123456789")
    assert not is_run("e-r-0123456")
