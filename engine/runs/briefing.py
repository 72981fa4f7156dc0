"""The variables of a run's brief: what a person gave, what the commits say, and for the rest what means nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.rendering import render_brief, used_variables
from agents.workflow import Workflow
from engine.reading_repository import ReadRepository
from engine.runs.inputs import GIVABLE, typed_variables
from epics.errors import InvalidInput
from epics.verdicts import Plan, Review
from timemachine.mirrors import Mirror
from timemachine.revisions import change_begins_at, subjects

_BEGINNINGS: Final = frozenset({"planning", "architect", "implement"})
"""Workflows that begin something: the last commit is not their work, where they start on the base branch."""

_ABOUT_A_CHANGE: Final = frozenset({"document", "pr", "refactor", "review", "test"})
"""Workflows that have something to do without being told: the change that is there."""

_SUBJECTS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where a run stands: the repository, its base branch and its commit, and the commit that the run starts from."""

    mirror: Mirror
    repository: ReadRepository
    base: str
    base_commit: str
    start: str


async def task_for(workflow: Workflow, task: str, ground: Ground) -> str:
    """The task as it was given, or what a workflow that is about a change does without one.

    Raises:
        InvalidInput: if the workflow needs one.
    """
    if task or "goal" not in used_variables(workflow):
        return task
    if workflow.name not in _ABOUT_A_CHANGE:
        raise InvalidInput(f"the workflow {workflow.name} needs goal, and there is no task: give --task TEXT")
    begin = await change_begins_at(ground.mirror, ground.base_commit, ground.start)
    listed = "\n".join(f"- {subject}" for subject in await subjects(ground.mirror, begin, ground.start, most=_SUBJECTS))
    return f"What these commits are for, the newest first:\n{listed}"


async def run_variables(workflow: Workflow, task: str, kept: Mapping[str, Any], ground: Ground) -> dict[str, Any]:
    """All that a prompt may name; those that only the attempt knows are added where it is run.

    Args:
        workflow: whose prompt it is.
        task: what is to be done.
        kept: what was given, as JSON.
        ground: where the run stands.
    """
    given = typed_variables(kept)
    plan: Plan | None = given.get("plan")
    review: Review | None = given.get("review")
    return {
        **dict.fromkeys(("plan", "design", "tests", "review", "failure", "pull_request")),
        **dict.fromkeys(("lessons", "recalled", "guidance", "comments", "conflicts"), ()),
        "goal": task,
        "log_tail": "",
        "repository": await ground.repository.overview(ground.start),
        "base_branch": ground.base,
        "findings": review.open_findings if review else (),
        "allowed_paths": plan.allowed_paths if plan else ("**",),
        "forbidden_paths": plan.forbidden_paths if plan else (),
        **await _change(workflow, ground),
        **given,
    }


def check_brief(workflow: Workflow, variables: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """See that a brief can be made, before the run is there.

    Raises:
        InvalidInput: naming what the prompt needs and was not given.
    """
    try:
        render_brief(workflow, {"attempt_note": "", "test_command": None, **variables})
    except InvalidInput as error:
        missing = sorted(name for name in used_variables(workflow) & GIVABLE.keys() if name not in given and not variables[name])
        if not missing:
            raise
        raise InvalidInput(f"the workflow {workflow.name} may need {', '.join(missing)}, which --var gives: {error}") from error


async def _change(workflow: Workflow, ground: Ground) -> dict[str, str]:
    """The work so far as a diff: from the base branch, or the last commit; nothing where the work only begins."""
    if workflow.name in _BEGINNINGS and ground.start == ground.base_commit:
        return {"diff": "", "diff_stat": ""}
    begin, used = await change_begins_at(ground.mirror, ground.base_commit, ground.start), used_variables(workflow)
    return {
        "diff": await ground.repository.diff(begin, ground.start) if "diff" in used else "",
        "diff_stat": (await ground.repository.size(begin, ground.start)).text if "diff_stat" in used else "",
    }
