"""Events as lines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.events import event_line
from engine.views import EventView


def line(kind: str, **data: object) -> str:
    text = event_line(EventView(id=1, type=kind, time=datetime(2026, 11, 21, tzinfo=UTC), data=data))
    assert text is not None
    return text.plain[10:]


def test_a_finished_step_says_what_came_of_it_and_where_the_epic_goes():
    text = line("step_finished", step="test", outcome="done", next="review", note="12 tests passed")

    assert text == "✓ test         12 tests passed  → review"


def test_a_failed_step_says_so():
    assert line("step_finished", step="implement", outcome="failed", next="time_machine", note="").startswith("✗ implement    failed")


def test_a_step_that_leads_back_to_work_is_not_ticked_off():
    text = line("step_finished", step="test", outcome="done", next="fix", note="`make test` failed")

    assert text == "↺ test         `make test` failed  → fix"


def test_an_analysis_says_on_a_line_of_its_own_what_the_next_attempt_does_differently():
    text = line("failure_analysed", type="scope_creep", cause="it left the plan", prevention="stay inside", next="implement")

    assert text.splitlines() == ["⟲ scope_creep: it left the plan", "            next time: stay inside"]


def test_a_turn_is_counted_and_not_printed():
    assert event_line(EventView(id=1, type="turn_taken", time=datetime(2026, 11, 21, tzinfo=UTC), data={"turn": 1})) is None


def test_failed_tests_show_the_exit_code_and_the_last_line():
    text = line("tests_finished", command="make test", passed=False, exit_code=1, seconds=0.25, tail="…\nFAILED (errors=1)\n")

    assert text == "  ✗ tests failed  exit 1 · 0.2 s · FAILED (errors=1)"


def test_a_tool_call_shows_what_it_was_called_on():
    assert line("tool_called", attempt=1, tool="read_file", on="README.md", turn=2, seconds=0.1, ok=True) == "  · read_file README.md"


def test_a_tool_call_that_failed_shows_why():
    text = line("tool_called", attempt=1, tool="write_file", on="../x", turn=2, seconds=0.1, ok=False, problem="the path has '..' in it")

    assert text == "  ✗ write_file ../x  the path has '..' in it"


def test_a_call_that_a_crash_made_be_made_again_says_so():
    assert line("tool_called", attempt=1, tool="search", on="x", turn=2, seconds=0.1, ok=True, again=True) == "  · again: search x"


def test_what_an_agent_tells_people_is_not_a_detail():
    assert line("people_told", attempt=3, text="The tests need a key.") == "» attempt 3 says: The tests need a key."


def test_a_task_that_ended_says_what_came_of_it():
    assert line("task_ended", task=2, text="Greet", state="done", note="in a file") == "  · task 2 done: Greet  in a file"


def test_an_event_of_a_later_release_is_shown_as_it_is():
    assert line("lamp_lit", room="hall") == "  · lamp lit room=hall"


def test_an_attempt_says_in_what_it_differs_from_the_one_before():
    text = line("attempt_started", workflow="implement", attempt=4, executor="scripted", model="", changed=["tools", "held_back"])

    assert "attempt 4, set up differently: tools, held back" in text


KINDS = [
    "epic_queued",
    "epic_resumed",
    "step_finished",
    "attempt_started",
    "knowledge_unavailable",
    "lessons_unavailable",
    "tool_called",
    "people_told",
    "task_added",
    "task_ended",
    "model_failed",
    "model_fell_back",
    "tests_started",
    "tests_finished",
    "attempt_ended",
    "failure_analysed",
    "approval_opened",
    "approval_decided",
    "approval_voted",
    "approval_needs_person",
    "approval_reminded",
    "approval_escalated",
    "approval_expired",
    "epic_taken",
    "epic_paused",
    "epic_ended",
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_that_lacks_its_data_is_still_one_line(kind):
    text = line(kind)

    assert text.strip()
    assert "\n" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_agent_wrote_cannot_steer_the_terminal(kind):
    hostile = "\x1b[2J\x1b]0;owned\x07[bold]x\nsecond\x9b31m"
    data = dict.fromkeys(
        ["goal", "note", "text", "worker", "tool", "argument", "why", "command", "tail", "error", "cause", "question", "by", "status"],
        hostile,
    )

    text = line(kind, **data)

    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text)


def test_what_ended_a_step_is_said_once():
    text = line("step_finished", step="planning", outcome="cancelled", note="cancelled by ann: not wanted", next="cancelled")

    assert text.count("cancelled by ann") == 1
    assert "cancelled: cancelled" not in text


def test_an_attempt_that_was_cut_off_says_what_becomes_of_it():
    text = line(
        "attempt_recovered", attempt=3, on_crash="park", turn=2, tools=["run_command"], did="parked", why="the workflow asks a person"
    )

    assert text == "  ⟲ attempt 3 cut off in turn 2, in run_command: parked, the workflow asks a person  on_crash = park"


def test_a_deed_that_was_found_done_says_so():
    data = {"kind": "merge", "key": "k", "generation": 1, "state": "done", "how": "already", "commit": "c" * 40}
    text = event_line(EventView(id=1, type="effect_recorded", time=datetime(2026, 11, 21, tzinfo=UTC), data=data))

    assert text is not None
    assert text.plain.endswith(f"· the work is in the base branch (it was there already)  {'c' * 10}")


def test_a_cancel_that_came_too_late_is_told():
    assert line("cancel_refused", by="ann", why="merged before") == "! the cancel by ann came too late: merged before"


@pytest.mark.parametrize(
    "kind, data, text",
    [
        (
            "race_begun",
            {"entries": ["e-1", "e-2"], "share_usd": "1.5"},
            "⑂ 2 attempts side by side  at most $1.50 each\n            e-1, e-2",
        ),
        ("attempt_rests", {"attempt": 2, "of": 3}, "‖ tested and reviewed: attempt 2 of 3 waits to be compared"),
        (
            "race_judged",
            {"passed": 1, "of": 2, "ranking": [{"attempt": 2}, {"attempt": 1}]},
            "? 1 of 2 attempts passed: a person is to pick  the best first: 2, 1",
        ),
        (
            "attempt_picked",
            {"attempt": 2, "of": 3, "by": "ann", "next": "document", "why": "tests: passed"},
            "✓ attempt 2 of 3 picked by ann  → document\n            tests: passed",
        ),
        ("race_called_off", {"why": "the epic is cancelled"}, "■ the attempts side by side are called off: the epic is cancelled"),
        ("race_hindered", {"problem": "no room"}, "‖ the attempts side by side do not go on: no room"),
    ],
)
def test_each_event_of_a_race_has_its_line(kind, data, text):
    assert line(kind, **data) == text
