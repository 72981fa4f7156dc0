"""The variables of the briefs: everything that a prompt may speak of, under one set of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epics.state import EpicState
from epics.steps import Step
from epics.verdicts import FailureAnalysis
from nodes.context import EpicContext, Need

_WITH_DIFF = frozenset({Step.REVIEW, Step.FIX, Step.REFACTOR, Step.DOCUMENT, Step.PR, Step.TEST, Step.TIME_MACHINE})


async def variables_for(
    state: EpicState, context: EpicContext, step: Step, *, task_id: str, failure: FailureAnalysis | None = None
) -> Mapping[str, Any]:
    """What the prompts may name; those that only the attempt knows (its number, the test command) are added where it is run.

    Args:
        state: the epic before the step.
        context: the ports.
        step: the step that the brief is for.
        task_id: LangGraph's id of the task.
        failure: the failure that the brief is about, where that is not the one that the state hands on.
    """
    repository, facts = context.repository, context.facts
    begun = state.head != state.base
    size = await repository.size(state.base, state.head) if begun else None
    failure = failure or state.failure
    allowed = state.plan.allowed_paths if state.plan else ("**",)
    about = state.trouble.step if step is Step.TIME_MACHINE and state.trouble else step
    need = Need(task_id=task_id, step=about, paths=allowed, failure=failure)
    lessons = await context.lessons.relevant(need)
    return {
        "goal": facts.goal,
        "repository": await repository.overview(state.head),
        "base_branch": facts.base,
        "plan": state.plan,
        "design": state.design,
        "tests": state.tests,
        "review": state.review,
        "findings": state.review.open_findings if state.review else (),
        "failure": failure,
        "lessons": lessons,
        "recalled": await context.recall.recalled(need, lessons),
        "guidance": state.guidance,
        "comments": state.comments,
        "conflicts": state.conflicts,
        "diff": await repository.diff(state.base, state.head) if begun and step in _WITH_DIFF else "",
        "diff_stat": size.text if size else "",
        "allowed_paths": allowed,
        "forbidden_paths": state.plan.forbidden_paths if state.plan else (),
        "pull_request": state.pull_request,
        "log_tail": state.trouble.detail if state.trouble else "",
    }
