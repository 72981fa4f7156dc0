"""An epic's past as people see it: lines that never break, text that steers nothing, what is gone said to be gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from cli.output import Output
from cli.render_comparison import comparison_parts
from cli.render_difference import files_table, size_of, state_lines, state_table
from cli.render_history import history_parts
from cli.render_moment import moment_parts
from engine.history_views import FileStat, StateChange
from engine.time_machine.comparison_views import ComparedEpic, Comparison, Parting, StepTally
from engine.time_machine.moment_views import Counts, MomentDetail, MomentState
from engine.views import EpicView, MomentView, Tokens
from epics.state import EpicState
from epics.verdicts import Plan, TestReport

NOW = datetime.now(UTC)
EPIC = EpicView(
    id="e-0123456789",
    goal="add a lamp",
    repo="~/lamps",
    base="main",
    status="waiting",
    step="plan_gate",
    attempt=None,
    branch=None,
    head=None,
    moment=1,
    cost_usd=Decimal(0),
    budget_usd=None,
    tokens=Tokens(),
    waiting_on=None,
    failure=None,
    problem=None,
    executor=None,
    model=None,
    autonomy="auto",
    labels={},
    created_at=NOW,
    updated_at=NOW,
)
MOMENT = MomentView(
    n=1,
    step="implement",
    workflow="implement",
    attempt=4,
    outcome="done",
    branch="b",
    commit="cd" * 20,
    tree="ef" * 20,
    checkpoint_id="c",
    cost_usd=Decimal("0.5"),
    step_cost_usd=Decimal("0.2"),
    name=None,
    note="wrote the lamp",
    created_at=NOW - timedelta(minutes=3),
)
COUNTS = Counts(attempts_ever=7, moments_ever=9, rollbacks_ever=2)


def shown(*parts: RenderableType, width: int = 150) -> str:
    written = StringIO()
    console = Console(file=written, width=width, highlight=False, markup=False, emoji=False)
    for part in parts:
        console.print(part)
    return written.getvalue()


def history(*moments: MomentView, epic: EpicView = EPIC, width: int = 150) -> list[str]:
    output = Output()
    output.person = Console(file=StringIO(), width=width, highlight=False, markup=False, emoji=False)
    return shown(*history_parts(epic, moments, output), width=width).splitlines()


def detail(**changes: object) -> MomentDetail:
    given = {
        **dict(MOMENT),
        "epic": EPIC.id,
        "state": None,
        "counts": COUNTS,
        "approval": None,
        "decision": None,
        "attempt_view": None,
        "files": (),
        "children": (),
        "rollbacks": (),
        **changes,
    }
    return MomentDetail.model_validate(given)


def state(**changes: object) -> MomentState:
    before = EpicState(base="ab" * 20, head="cd" * 20)
    return MomentState.model_validate({**{name: getattr(before, name) for name in MomentState.model_fields}, **changes})


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 150])
def test_a_moment_is_one_line_on_a_terminal_of_any_width(width):
    lines = history(MOMENT.model_copy(update={"note": "very " * 100}), width=width)

    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert lines[1].endswith("…")


def test_a_narrow_terminal_is_shown_fewer_columns_and_still_what_came_of_it():
    wide, narrow = history(MOMENT, width=150), history(MOMENT, width=60)

    assert wide[0].split() == ["N", "STEP", "ATTEMPT", "OUTCOME", "COST", "SPENT", "COMMIT", "AGO"]
    assert narrow[0].split() == ["N", "STEP", "OUTCOME"]
    assert narrow[1].endswith("wrote the lamp")


def test_what_a_note_says_steers_no_terminal_and_breaks_no_line():
    (_, line) = history(MOMENT.model_copy(update={"note": "\x1b[31mred\x1b[0m\nand\u202e more", "decided_by": "a\x1bnn"}))

    assert line.endswith("red and more")
    assert "\x1b" not in line
    assert "ann" in line


def test_a_name_a_fork_and_where_a_gate_led_back_to_stand_before_the_note():
    told = MOMENT.model_copy(update={"name": "good", "forks": ("e-1", "e-2"), "back_to": 3, "outcome": "decided"})

    (_, line) = history(told)

    assert line.endswith("[good] back to 3: (forked: e-1, e-2) wrote the lamp")


def test_a_fork_tells_its_source_and_costs_nothing_where_that_paid():
    fork = EPIC.model_copy(update={"forked_from": "e-source", "forked_at": 1})

    source, names, line = history(MOMENT.model_copy(update={"step_cost_usd": None}), epic=fork)

    assert source.startswith("forked from e-source at its moment 1")
    assert "$" not in line
    assert "COST" not in names


def test_an_epic_without_moments_says_so():
    assert history() == [f"epic {EPIC.id} has no moment yet: there is one for each step that is finished"]


def test_both_kinds_of_numbers_are_shown_at_a_moment():
    text = shown(*moment_parts(detail(state=state(rounds={"fix": 2}, failures={"implement": 1})), newest=5))

    assert "fix 2, failed implement 1; counted anew after a rollback" in text
    assert "7 attempts, 9 moments, 2 rollbacks; never taken back" in text


def test_what_is_gone_is_said_to_be_gone():
    text = shown(*moment_parts(detail(files=None, files_trouble="the repository is gone"), newest=5))

    assert "it is not kept any more" in text
    assert "they cannot be read now: the repository is gone" in text
    assert "7 attempts" in text


def test_a_moment_tells_the_command_that_goes_back_to_it_unless_the_epic_is_there():
    assert f"genie time rollback {EPIC.id} --to 1" in shown(*moment_parts(detail(), newest=5))
    assert "genie time rollback" not in shown(*moment_parts(detail(), newest=1))


def test_many_files_are_cut_and_counted():
    files = tuple(FileStat(path=f"{n}.txt", added=1, removed=0) for n in range(100))

    text = shown(*moment_parts(detail(files=files), newest=1))

    assert "39.txt" in text
    assert "40.txt" not in text
    assert "60 files more; in all 100 files, +100 −0" in text


def test_records_of_the_state_are_told_field_by_field_where_both_sides_have_them():
    plan = Plan(summary="A lamp.", tasks=("t",), acceptance_criteria=("c",))
    changes = (
        StateChange(field="rounds", before={"fix": 1, "architect": 1}, after={"fix": 2, "architect": 1}),
        StateChange(field="head", before="ab" * 20, after="cd" * 20),
        StateChange(field="plan", before=None, after=plan.model_dump(mode="json")),
        StateChange(field="guidance", before=["one"], after=["one", "two"]),
    )

    assert state_lines(changes) == [
        "# rounds.fix: 1 → 2",
        "# head: ababababab → cdcdcdcdcd",
        "# plan: – → A lamp.",
        "# guidance: one → one, two",
    ]


def test_what_a_person_said_cannot_leave_its_comment():
    (line,) = state_lines([StateChange(field="guidance", before=[], after=["so\ndiff --git a/x b/x\n+++ b/x"])])

    assert line == "# guidance: – → so diff --git a/x b/x +++ b/x"


def test_zero_and_false_are_values_and_not_nothing():
    changes = [StateChange(field="tests", before={"passed": True, "exit_code": 1}, after={"passed": False, "exit_code": 0})]

    assert state_lines(changes) == ["# tests.passed: True → False", "# tests.exit_code: 1 → 0"]
    assert "tests.passed" in shown(state_table(changes))


def test_a_binary_file_has_no_lines_to_count():
    files = (FileStat(path="lamp.png", added=None, removed=None), FileStat(path="a | b.txt", added=3, removed=1))

    text = shown(files_table(files))

    assert "lamp.png" in text
    assert "binary" in text
    assert "a | b.txt" in text
    assert size_of(files) == "2 files, +3 −1"


def compared(name: str, **changes: object) -> ComparedEpic:
    given = {
        **{name: value for name, value in dict(EPIC).items() if name in ComparedEpic.model_fields},
        "id": name,
        "forked_from": None,
        "forked_at": None,
        "moment": 3,
        "base": "ab" * 20,
        "head": "cd" * 20,
        "cost_usd": Decimal(1),
        "total_usd": Decimal(2),
        "attempts": 1,
        "moments": 2,
        "rollbacks": 0,
        "steps": (),
        "tests": None,
        "review": None,
        "changes": (),
        **changes,
    }
    return ComparedEpic.model_validate(given)


def test_two_epics_stand_side_by_side_with_the_steps_of_either():
    failed = StepTally(step="implement", times=3, failed=2, outcome="done", cost_usd=Decimal("0.5"))
    fixed = StepTally(step="fix", times=1, failed=0, outcome="done", cost_usd=Decimal(0))
    report = TestReport(command="make test", source="genie.toml", passed=False, exit_code=2)
    both = Comparison(
        left=compared("e-left", steps=(failed,), tests=report),
        right=compared("e-right", steps=(fixed,), goal="add another lamp"),
        parting=Parting(epic="e-left", moment=4, commit="ef" * 20),
        files=(),
        diff="",
        cut=False,
    )

    text = shown(*comparison_parts(both))

    assert "they part at moment 4 of e-left (efefefefef)" in text
    assert "failed with exit code 2" in text
    assert "not run" in text
    assert "done (3 times, 2 failed), $0.50" in text
    assert [line.split() for line in text.splitlines() if line.startswith("fix")] == [["fix", "–", "done"]]
    assert "add another lamp" in text
    assert "Files that differ between their heads: none" in text


def test_the_goal_that_two_epics_share_is_not_repeated():
    both = Comparison(left=compared("e-left"), right=compared("e-right"), parting=None, files=(), diff="", cut=False)

    text = shown(*comparison_parts(both))

    assert "add a lamp" not in text
    assert "they have no moment in common" in text
