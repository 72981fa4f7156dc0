"""Each agent step: what it asks for, where it leads, and what it believes."""

from __future__ import annotations

import pytest

from epics.policy import RepositoryPolicy
from epics.state import BudgetStop, EpicState
from epics.steps import AGENT_STEPS, Step
from epics.verdicts import Design, FailureAnalysis, FailureType, Plan, PullRequest, Review, TestReport
from tests.fakes.ports import FAILED, OUTPUTS, FakeAttempts, FakeRepository, context, step

PLAN = Plan(summary="Greet.", tasks=("greet",), acceptance_criteria=("it greets",), allowed_paths=("src/**",), forbidden_paths=("keys/**",))
DESIGN = Design(summary="One.", title="One", decision="Write it.", adr_path="docs/decisions/0001-one.md")
REVIEW = Review.model_validate(OUTPUTS["review"])
ANALYSIS = FailureAnalysis(
    type=FailureType.TIMEOUT, point="implement, attempt 1", cause="too slow", evidence="60 s", prevention="write it at once"
)

NEXT = {
    Step.PLANNING: Step.ARCHITECT,
    Step.ARCHITECT: Step.PLAN_GATE,
    Step.IMPLEMENT: Step.TEST,
    Step.TEST: Step.REVIEW,
    Step.REVIEW: Step.DOCUMENT,
    Step.FIX: Step.TEST,
    Step.REFACTOR: Step.TEST,
    Step.DOCUMENT: Step.PR,
    Step.PR: Step.MERGE_GATE,
}
BOUND_BY_PLAN = {Step.IMPLEMENT, Step.FIX, Step.REFACTOR}
EVERY = pytest.mark.parametrize("agent", sorted(AGENT_STEPS))


def at(here: Step, **more: object) -> EpicState:
    values = {"step": here, "base": "base", "head": "head", "branch": "genie/b", "plan": PLAN, "design": DESIGN, "review": REVIEW}
    return EpicState.model_validate({**values, **more})


def findings(*structural: bool, severity: str = "major") -> dict[str, object]:
    found = [
        {"id": f"F{n}", "severity": severity, "file": "a.py", "what": "wrong", "why": "so", "structural": flag}
        for n, flag in enumerate(structural)
    ]
    return {"output": {"verdict": "findings", "summary": "Look.", "findings": found}}


@EVERY
async def test_a_step_that_goes_well_leads_to_the_next(agent):
    done = await step(agent, at(agent), context())

    assert done.step is NEXT[agent]
    assert done.last is not None
    assert (done.last.step, done.last.outcome, done.last.workflow, done.last.attempt) == (agent, "done", agent, 1)


@EVERY
async def test_a_step_asks_for_its_own_workflow_on_the_head_of_the_epic(agent):
    attempts = FakeAttempts()

    await step(agent, at(agent), context(attempts), task="task-7")

    asked = attempts.asked[0]
    assert (asked.task_id, asked.step, asked.workflow, asked.at, asked.base) == ("task-7", agent, agent, "head", "base")
    assert asked.allowed_paths == (PLAN.allowed_paths if agent in BOUND_BY_PLAN else ("**",))
    assert asked.forbidden_paths == ("keys/**",)
    assert asked.run_tests is (agent is Step.TEST)


@EVERY
@pytest.mark.parametrize("ended_by", ["turns", "timeout", "cancelled", "error", "out_of_bounds"])
async def test_a_step_that_fails_leaves_the_work_as_it_was_and_goes_to_the_time_machine(agent, ended_by):
    ending = {"ended_by": ended_by, "error": "it broke", "error_kind": "provider", "log_tail": "turn 3 said: ouch", "violations": ("x.py",)}

    failed = await step(agent, at(agent), context(FakeAttempts({agent: [ending]})))

    assert failed.step is Step.TIME_MACHINE
    assert (failed.head, failed.branch, failed.plan, failed.design) == ("head", "genie/b", PLAN, DESIGN)
    assert failed.trouble is not None
    assert (failed.trouble.step, failed.trouble.attempt, failed.trouble.ended_by) == (agent, 1, ended_by)
    assert (failed.trouble.error_kind, failed.trouble.paths) == ("provider", ("x.py",))
    assert failed.trouble.detail == "it broke\nturn 3 said: ouch"
    assert failed.last is not None
    assert (failed.last.outcome, failed.last.note) == ("failed", "it broke")


@EVERY
async def test_a_step_that_meets_a_limit_goes_to_the_budget_gate(agent):
    ending = {"ended_by": "budget", "scope": "project", "limit_usd": "1.5", "spent_usd": "1.49", "error": "no room"}

    stopped = await step(agent, at(agent), context(FakeAttempts({agent: [ending]})))

    assert stopped.step is Step.BUDGET_GATE
    assert stopped.head == "head"
    assert stopped.budget == BudgetStop(step=agent, scope="project", limit_usd="1.5", spent_usd="1.49", resume_attempt=1)
    assert stopped.last is not None
    assert stopped.last.outcome == "budget"


@EVERY
async def test_after_a_raise_a_step_goes_on_from_the_attempt_that_stopped(agent):
    attempts = FakeAttempts()
    stop = BudgetStop(step=agent, scope="attempt", limit_usd="1", spent_usd="1", resume_attempt=5)

    done = await step(agent, at(agent, budget=stop, raises={agent: "2.50"}), context(attempts))

    assert attempts.asked[0].continues == 5
    assert str(attempts.asked[0].extra_usd) == "2.50"
    assert done.budget is None


async def test_a_stop_of_another_step_is_not_gone_on_with():
    attempts = FakeAttempts()
    stop = BudgetStop(step=Step.IMPLEMENT, scope="epic", limit_usd="1", spent_usd="1", resume_attempt=5)

    await step(Step.TEST, at(Step.TEST, budget=stop), context(attempts))

    assert attempts.asked[0].continues is None


@EVERY
async def test_the_analysis_the_guidance_and_the_comments_reach_the_attempt_verbatim(agent):
    attempts = FakeAttempts()
    state = at(agent, failure=ANALYSIS, guidance=("Use ~~~ and {{ braces }}",), comments=("Make it\nblue",), conflicts=("a.py",))

    await step(agent, state, context(attempts))

    given = attempts.asked[0].variables
    assert given["failure"] == ANALYSIS
    assert given["guidance"] == ("Use ~~~ and {{ braces }}",)
    assert given["comments"] == ("Make it\nblue",)
    assert given["conflicts"] == ("a.py",)
    assert given["goal"] == "Greet people.\nPolitely."


@EVERY
async def test_an_analysis_is_for_the_attempt_that_follows_it_and_no_other(agent):
    assert (await step(agent, at(agent, failure=ANALYSIS), context())).failure is None


@EVERY
async def test_huge_output_of_a_failure_leaves_the_state_small(agent):
    ending = {"ended_by": "error", "error": "x" * 100_000, "log_tail": "y" * 100_000, "violations": tuple(f"f{n}" for n in range(50))}

    failed = await step(agent, at(agent), context(FakeAttempts({agent: [ending]})))

    assert len(failed.model_dump_json()) < 20_000


@pytest.mark.parametrize("agent", sorted({Step.ARCHITECT, Step.IMPLEMENT, Step.TEST, Step.FIX, Step.REFACTOR, Step.DOCUMENT}))
async def test_a_step_that_writes_moves_the_head_and_the_branch_together(agent):
    done = await step(agent, at(agent), context())

    assert (done.head, done.branch) == (f"{agent}-1", f"genie/{agent}/attempt_1")


@pytest.mark.parametrize("agent", [Step.PLANNING, Step.REVIEW, Step.PR])
async def test_a_step_that_only_reads_moves_nothing(agent):
    done = await step(agent, at(agent), context())

    assert (done.head, done.branch) == ("head", "genie/b")


async def test_a_test_agent_that_changes_nothing_leaves_the_head_where_it_was():
    attempts = FakeAttempts({"test": [{"commit": "head", "branch": "genie/test/attempt_1"}]})

    done = await step(Step.TEST, at(Step.TEST), context(attempts))

    assert (done.head, done.step) == ("head", Step.REVIEW)


@pytest.mark.parametrize("agent, starting", [(Step.PLANNING, Step.ARCHITECT), (Step.IMPLEMENT, Step.TEST)])
async def test_a_step_remembers_where_the_next_one_begins(agent, starting):
    done = await step(agent, at(agent), context())

    assert done.starts == {starting: done.head}
    assert done.start_bases == {starting: "base"}


@pytest.mark.parametrize("agent", [Step.FIX, Step.REFACTOR])
async def test_who_mends_may_change_what_the_work_has_changed_already(agent):
    attempts, repository = FakeAttempts(), FakeRepository()
    repository.files = ("src/a.py", "tests/test_a.py", "docs/[a].md")

    await step(agent, at(agent), context(attempts, repository))

    assert attempts.asked[0].allowed_paths == ("src/**", "src/a.py", "tests/test_a.py", "docs/?a].md")


async def test_a_fix_of_a_conflict_may_change_what_the_other_side_changed():
    attempts = FakeAttempts()

    done = await step(Step.FIX, at(Step.FIX, conflicts=("other/x.py",)), context(attempts))

    assert attempts.asked[0].allowed_paths == ("**",)
    assert (done.step, done.conflicts) == (Step.TEST, ())


async def test_no_conflict_gets_past_the_tests():
    done = await step(Step.TEST, at(Step.TEST, conflicts=("other/x.py",)), context())

    assert (done.step, done.conflicts) == (Step.FIX, ("other/x.py",))


async def test_a_fix_that_leaves_conflict_markers_has_failed():
    repository = FakeRepository()
    repository.left = [("b.py",)]

    failed = await step(Step.FIX, at(Step.FIX, conflicts=("a.py", "b.py")), context(repository=repository))

    assert failed.step is Step.TIME_MACHINE
    assert failed.trouble is not None
    assert (failed.trouble.error_kind, failed.trouble.paths) == ("integration", ("b.py",))
    assert (failed.head, failed.conflicts) == ("head", ("a.py", "b.py"))


async def test_the_comments_of_a_person_outlive_the_fix_and_end_at_the_gate():
    fixed = await step(Step.FIX, at(Step.FIX, comments=("blue",)), context())
    asked_again = await step(Step.PR, at(Step.PR, comments=("blue",)), context())

    assert fixed.comments == ("blue",)
    assert asked_again.comments == ()


async def test_the_words_of_the_test_agent_are_never_believed():
    attempts = FakeAttempts({"test": [{"tests": FAILED, "output": {"summary": "All tests pass, believe me."}}]})

    judged = await step(Step.TEST, at(Step.TEST), context(attempts))

    assert judged.step is Step.FIX
    assert judged.tests == FAILED
    assert judged.rounds == {Step.FIX: 1}
    assert judged.last is not None
    assert judged.last.note == "`make test` failed with exit code 2 in 1.5 s"


async def test_without_a_test_command_the_report_says_so_and_the_review_follows():
    nothing = TestReport(command=None, source="no test command found", passed=True)

    judged = await step(Step.TEST, at(Step.TEST), context(FakeAttempts({"test": [{"tests": nothing}]})))

    assert judged.step is Step.REVIEW
    assert judged.tests == nothing
    assert judged.last is not None
    assert judged.last.note == "no tests were run: no test command found"


async def test_a_test_command_that_hangs_has_not_passed():
    hung = FAILED.model_copy(update={"timed_out": True, "seconds": 60.0, "exit_code": 137})

    judged = await step(Step.TEST, at(Step.TEST), context(FakeAttempts({"test": [{"tests": hung}]})))

    assert judged.step is Step.FIX
    assert judged.last is not None
    assert judged.last.note == "`make test` was stopped after 60 s"


@pytest.mark.parametrize("output", ["", "\n", "x" * 60_000 + "\nthe end: 1 failed"])
async def test_when_the_rounds_are_used_up_the_end_of_the_output_is_kept(output):
    report = FAILED.model_copy(update={"output": output})
    spent = at(Step.TEST, rounds={Step.FIX: 2})

    capped = await step(Step.TEST, spent, context(FakeAttempts({"test": [{"tests": report}]}), policy=RepositoryPolicy(fix_rounds=2)))

    assert capped.step is Step.TIME_MACHINE
    assert capped.trouble is not None
    assert capped.trouble.ended_by == "cap"
    assert capped.trouble.detail.startswith("`make test` failed with exit code 2")
    assert capped.trouble.detail.endswith(output[-20:])
    assert capped.tests == report


@pytest.mark.parametrize(
    "structural, there",
    [((False,), Step.FIX), ((True, False), Step.FIX), ((True,), Step.REFACTOR), ((True, True), Step.REFACTOR)],
)
async def test_only_purely_structural_findings_lead_to_a_refactoring(structural, there):
    judged = await step(Step.REVIEW, at(Step.REVIEW), context(FakeAttempts({"review": [findings(*structural)]})))

    assert judged.step is there
    assert judged.rounds == {Step.FIX: 1}
    assert judged.review is not None
    assert len(judged.review.open_findings) == len(structural)


async def test_minor_findings_do_not_hold_the_work_up():
    judged = await step(Step.REVIEW, at(Step.REVIEW), context(FakeAttempts({"review": [findings(False, severity="minor")]})))

    assert judged.step is Step.DOCUMENT


async def test_a_review_with_findings_and_no_round_left_goes_to_the_time_machine():
    spent = at(Step.REVIEW, rounds={Step.FIX: 3})

    judged = await step(Step.REVIEW, spent, context(FakeAttempts({"review": [findings(False)]})))

    assert judged.step is Step.TIME_MACHINE
    assert judged.trouble is not None
    assert judged.trouble.detail == "F0 major a.py: wrong"


async def test_the_pull_request_says_what_it_is_about():
    repository = FakeRepository()

    asked = await step(Step.PR, at(Step.PR), context(repository=repository))

    assert asked.pull_request == PullRequest(
        title="Greet people", body="It greets.", base="main", base_commit="base", head="head", branch="genie/b",
        files=2, insertions=10, deletions=3,
    )  # fmt: skip
    assert repository.published == ["genie/b"]
    assert asked.notice == ""


async def test_a_second_pull_request_takes_the_place_of_the_first():
    first = await step(Step.PR, at(Step.PR, notice="old"), context())

    second = await step(Step.PR, first.model_copy(update={"step": Step.PR, "head": "head2", "branch": "genie/c"}), context())

    assert second.pull_request is not None
    assert (second.pull_request.head, second.pull_request.branch) == ("head2", "genie/c")


async def test_the_merge_gate_is_told_of_a_branch_that_cannot_be_shown():
    asked = await step(Step.PR, at(Step.PR), context(repository=FakeRepository(hidden="it is checked out")))

    assert asked.notice == "The branch could not be shown in the repository: it is checked out"


async def test_the_merge_gate_is_told_of_paths_that_need_approval():
    repository = FakeRepository()
    repository.delicate = tuple(f"deploy/{n}.yml" for n in range(22))

    asked = await step(Step.PR, at(Step.PR), context(repository=repository))

    assert "deploy/0.yml, " in asked.notice
    assert asked.notice.endswith("deploy/19.yml and 2 more.")


async def test_the_architect_hands_in_its_decision_as_a_file():
    attempts = FakeAttempts()

    done = await step(Step.ARCHITECT, at(Step.ARCHITECT), context(attempts))

    make = attempts.asked[0].own_files
    assert make is not None
    assert make(OUTPUTS["architect"]) == {
        # The record of the design that was sent back gives way.
        "docs/decisions/0001-one.md": None,
        "docs/decisions/0007-a-plain-function.md": (
            "# A plain function\n\n## Context\n\nSomebody must greet.\n\n## Options\n\n"
            "| option | weight | for | against |\n| --- | --- | --- | --- |\n| function | 8 | small | plain \\| dull |\n\n"
            "## Decision\n\nWrite it.\n\n## Design\n\nOne function.\n\n## Consequences\n\nIt greets.\n"
        ),
    }
    assert done.design is not None
    assert done.design.adr_path == "docs/decisions/0007-a-plain-function.md"


@pytest.mark.parametrize(
    "title, name",
    [("Größe: ändern!", "gr-e-ndern"), ("日本", "decision"), ("../../etc/passwd", "etc-passwd"), ("x" * 200, "x" * 60), ("a\nb", "a-b")],
)
async def test_any_title_gives_a_file_name(title, name):
    output = {**OUTPUTS["architect"], "title": title}

    done = await step(Step.ARCHITECT, at(Step.ARCHITECT), context(FakeAttempts({"architect": [{"output": output}]})))

    assert done.design is not None
    assert done.design.adr_path == f"docs/decisions/0007-{name}.md"


async def test_a_person_may_send_the_design_back_as_often_as_the_rounds_allow():
    attempts = FakeAttempts()
    policy = RepositoryPolicy(architect_rounds=1)

    allowed = await step(Step.ARCHITECT, at(Step.ARCHITECT, rounds={Step.ARCHITECT: 1}), context(attempts, policy=policy))
    capped = await step(
        Step.ARCHITECT, at(Step.ARCHITECT, rounds={Step.ARCHITECT: 2}, comments=("No.", "Again no.")), context(attempts, policy=policy)
    )

    assert allowed.step is Step.PLAN_GATE
    assert capped.step is Step.TIME_MACHINE
    assert capped.trouble is not None
    assert (capped.trouble.ended_by, capped.trouble.detail) == ("cap", "No.\nAgain no.")
    assert len(attempts.asked) == 1
