"""Tables and panels as people see them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

from rich.console import Console, RenderableType

from cli.render import attempts_table, epic_facts, epics_table, moments_table
from cli.render_approval import approvals_table
from cli.render_gate import diff_parts, failure_parts, plan_parts
from engine.views import ApprovalView, AttemptView, ConfigurationChange, EpicView, MomentView, Tokens
from epics.approvals import ApprovalStatus, Choice
from epics.steps import Step
from epics.verdicts import FailureAnalysis, FailureType, Plan

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

EPIC = EpicView(
    id="e-0123456789",
    goal="add a lamp\nto the hall",
    repo="~/lamps",
    base="main",
    status="waiting",
    step=Step.PLAN_GATE,
    attempt=2,
    branch="genie/e-0123456789/architect/attempt_2",
    head="ab" * 20,
    moment=2,
    cost_usd=Decimal("0.1234"),
    budget_usd=Decimal(5),
    tokens=Tokens(input=12_000, output=345),
    waiting_on="a-0123456789",
    failure=None,
    problem=None,
    executor="in_process",
    model="some:model",
    autonomy="auto",
    labels={"team": "web"},
    created_at=NOW,
    updated_at=NOW,
)

APPROVAL = ApprovalView(
    id="a-0123456789",
    epic=EPIC.id,
    gate=Step.PLAN_GATE,
    moment=2,
    status=ApprovalStatus.PENDING,
    content_hash="h",
    question="Shall this plan be worked on?",
    options=(Choice.APPROVE, Choice.CHANGES, Choice.REJECT),
    summary="",
    requested_at=NOW,
    expires_at=None,
    decision=None,
    decided_by=None,
    decided_at=None,
    channel=None,
    comment=None,
    to=None,
    amount_usd=None,
)

ATTEMPT = AttemptView(
    n=12,
    step=Step.TIME_MACHINE,
    workflow="time_machine",
    executor="in_process",
    model="anthropic:a-model-with-a-long-name",
    branch=None,
    base_commit="ab" * 20,
    commit=None,
    turns=3,
    cost_usd=Decimal("0.0081"),
    ended_by=None,
    error="",
    files_changed=(),
    started_at=NOW,
    ended_at=None,
)


def shown(*parts: RenderableType, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, markup=False, highlight=False, emoji=False)
    for part in parts:
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_an_attempt_says_in_what_it_was_set_up_otherwise_than_the_one_before():
    changed = [ConfigurationChange(field=field, before=1, after=2) for field in ("brief_hash", "held_back", "models")]

    text = shown(attempts_table([ATTEMPT.model_copy(update={"changed": tuple(changed)})], running=True), width=200)

    assert "set up differently: held back, models" in text


def test_a_list_shows_an_epic_on_one_line_with_its_whole_id():
    text = shown(epics_table([EPIC]))

    line = next(line for line in text.splitlines() if "e-0123456789" in line)
    assert "waiting" in line
    assert "plan_gate" in line
    assert "$0.12" in line
    assert "add a lamp to the hall" in line


def test_lists_fit_a_terminal_of_80_columns_one_line_each_and_cut_no_id():
    long = EPIC.model_copy(update={"goal": "add a lamp to the hall, and one to the stairs, and then one more", "step": Step.FAILURE_GATE})

    lines = shown(epics_table([long]), approvals_table([APPROVAL]), width=80).splitlines()

    assert len(lines) == 6
    assert "e-0123456789" in lines[2]
    assert "failure_gate" in lines[2]
    assert lines[2].rstrip().endswith("…")
    assert "a-0123456789" in lines[5]
    assert "e-0123456789" in lines[5]


def test_columns_without_a_value_are_left_out():
    text = shown(approvals_table([APPROVAL]))

    assert "QUESTION" in text
    assert "BY" not in text


def test_an_attempt_that_nobody_works_on_is_not_at_work():
    running = shown(attempts_table([ATTEMPT], running=True))
    left = shown(attempts_table([ATTEMPT], running=False))

    assert "at work" in running
    assert "at work" not in left
    assert "interrupted" in left
    assert "TOOK" not in left


def test_attempts_fit_a_terminal_of_80_columns_and_keep_their_numbers():
    text = shown(attempts_table([ATTEMPT], running=True), width=80)

    assert text.splitlines()[2].startswith("12")
    assert "time_machine" in text
    assert "MODEL" not in text


def test_what_files_gained_and_lost_stands_in_columns():
    lines = shown(*diff_parts("", "a.py | +1 -0\ndocs/long.md | +24 -10")).splitlines()

    assert lines[0].index("+1") + 1 == lines[1].index("+24") + 2
    assert lines[0].rstrip().endswith("−0")
    assert "|" not in lines[0]


def test_an_epic_shows_its_budget_tokens_and_what_it_waits_for():
    text = shown(epic_facts(EPIC))

    assert "$0.12 of $5.00 · 12,000 tokens in, 345 out" in text
    assert "a-0123456789" in text
    assert "team=web" in text


def test_what_is_not_known_of_an_epic_has_no_row():
    fresh = EPIC.model_copy(update={"branch": None, "waiting_on": None, "labels": {}})

    text = shown(epic_facts(fresh))

    assert "branch" not in text
    assert "waits for" not in text
    assert "labels" not in text


def test_square_brackets_in_a_goal_are_text():
    text = shown(epics_table([EPIC.model_copy(update={"goal": "[red]make it [/nope] work"})]))

    assert "[red]make it [/nope] work" in text


def test_moments_are_shown_with_their_commit_and_cost():
    moment = MomentView(
        n=3,
        step=Step.IMPLEMENT,
        workflow="implement",
        attempt=4,
        outcome="failed",
        branch="b",
        commit="cd" * 20,
        tree="ef" * 20,
        checkpoint_id="c",
        cost_usd=Decimal("0.5"),
        name=None,
        note="left the plan's bounds",
        created_at=NOW,
    )

    text = shown(moments_table([moment]))

    assert "cdcdcdcdcd" in text
    assert "failed" in text
    assert "$0.50" in text
    assert "left the plan's bounds" in text


def test_an_approval_is_listed_with_its_question():
    text = shown(approvals_table([APPROVAL]))

    assert "pending" in text
    assert "Shall this plan be worked on?" in text


def test_a_plan_shows_its_tasks_criteria_and_bounds():
    plan = Plan(
        summary="A lamp in the hall.",
        tasks=("Buy a lamp", "Hang it"),
        acceptance_criteria=("It is light",),
        allowed_paths=("hall/**",),
        cost_high_usd=Decimal(2),
    )

    text = shown(*plan_parts(plan))

    assert "1. Buy a lamp" in text
    assert "2. Hang it" in text
    assert "It is light" in text
    assert "hall/**" in text
    assert "$0.00 to $2.00" in text
    assert "Risks" not in text


def test_a_failure_shows_why_and_how_to_avoid_it():
    failure = FailureAnalysis(
        type=FailureType.SCOPE_CREEP, point="implement, attempt 1", cause="it left the plan", evidence="setup.py", prevention="stay inside"
    )

    text = shown(*failure_parts(failure))

    assert "scope_creep" in text
    assert "it left the plan" in text
    assert "stay inside" in text


def test_a_long_diff_is_cut_and_the_rest_is_one_command_away():
    text = shown(*diff_parts("\n".join(f"+line {n}" for n in range(1, 101)), epic="e-0123456789", most=10))

    assert "+line 10" in text
    assert "+line 11" not in text
    assert "90 lines more: genie epic diff e-0123456789" in text


def test_a_diff_cannot_steer_the_terminal():
    text = shown(*diff_parts("+\x1b[2Jgone\x07"))

    assert "\x1b" not in text
    assert "\x07" not in text
