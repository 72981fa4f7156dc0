"""What a failure means: rules on facts, before any model is asked."""

from __future__ import annotations

from typing import Final

from epics.state import EpicState, Trouble
from epics.steps import Step
from epics.verdicts import FailureAnalysis, FailureType

NEEDS_PERSON: Final = frozenset({FailureType.PROVIDER, FailureType.ENVIRONMENT, FailureType.ARCHITECTURE_MISMATCH})
"""Failures that another attempt meets again: a refused key, a dead provider after all retries, a machine that lacks something, and a
person who sent back every design that the rounds allow."""

MODEL_HELPS: Final = frozenset(
    {
        FailureType.SCOPE_CREEP,
        FailureType.TESTS_FAILING,
        FailureType.INTEGRATION,
        FailureType.TURNS_EXHAUSTED,
        FailureType.TIMEOUT,
    }
)
"""Failures whose cause is in the work, where a model that reads it can say more than the rules."""

_CAPS: Final = frozenset({FailureType.TURNS_EXHAUSTED, FailureType.TIMEOUT})

_PREVENTION: Final[dict[FailureType, str]] = {
    FailureType.SCOPE_CREEP: "Change only what the plan allows. If the goal cannot be reached within those paths, say so in the summary.",
    FailureType.TESTS_FAILING: "Begin from the failing tests: find the first real cause, and change the approach that led to it.",
    FailureType.INTEGRATION: "Work on the merged files as they are now: clear every conflict marker, and keep what both sides meant.",
    FailureType.ARCHITECTURE_MISMATCH: "Design again with the comments that were given; do not hand in the refused design a second time.",
    FailureType.TURNS_EXHAUSTED: "Take fewer, larger steps: read only what is needed, write whole files, and finish early.",
    FailureType.TIMEOUT: "Avoid commands that run long or wait for input; give them a timeout, and finish sooner.",
    FailureType.BUDGET: "Read less and write in larger steps, so that the work fits the limit.",
    FailureType.NO_OUTPUT: "End with the final answer in exactly the form that is asked for.",
    FailureType.PROVIDER: "Nothing in the work is at fault: see to the model's provider (key, quota, address) and then retry.",
    FailureType.ENVIRONMENT: "Nothing in the work is at fault: mend the environment that the message names and then retry.",
}


_CAUSE: Final[dict[FailureType, str]] = {
    FailureType.SCOPE_CREEP: "The attempt changed paths outside of its bounds: {paths}",
    FailureType.TESTS_FAILING: "The allowed rounds of fixing are used up, and {step} still does not pass.",
    FailureType.ARCHITECTURE_MISMATCH: "The allowed rounds of design are used up, and none was approved.",
    FailureType.TURNS_EXHAUSTED: "The agent used all of its turns without a final answer.",
    FailureType.TIMEOUT: "The agent did not finish in the time that it had.",
    FailureType.NO_OUTPUT: "The agent's final answer never had the form that was asked for.",
    FailureType.INTEGRATION: "Conflict markers were left in the merged files: {paths}",
    FailureType.PROVIDER: "The model's provider gave no usable answer.",
    FailureType.BUDGET: "The work did not fit the limit.",
}

_BY_END: Final[dict[str, FailureType]] = {
    "out_of_bounds": FailureType.SCOPE_CREEP,
    "turns": FailureType.TURNS_EXHAUSTED,
    "timeout": FailureType.TIMEOUT,
    "budget": FailureType.BUDGET,
    "cap": FailureType.TESTS_FAILING,
}

_BY_ERROR: Final[dict[str, FailureType]] = {
    "provider": FailureType.PROVIDER,
    "unavailable": FailureType.PROVIDER,
    "integration": FailureType.INTEGRATION,
    "no_output": FailureType.NO_OUTPUT,
}


def classify(trouble: Trouble) -> FailureType:
    """The kind of failure that the facts show."""
    if trouble.ended_by == "error":
        return _BY_ERROR.get(trouble.error_kind or "", FailureType.ENVIRONMENT)
    if trouble.ended_by == "cap" and trouble.step is Step.ARCHITECT:
        return FailureType.ARCHITECTURE_MISMATCH
    return _BY_END.get(trouble.ended_by, FailureType.ENVIRONMENT)


def analyse(trouble: Trouble) -> FailureAnalysis:
    """The analysis that the facts alone allow."""
    kind = classify(trouble)
    return FailureAnalysis(
        type=kind,
        point=_point(trouble.step, trouble.attempt),
        attempt=trouble.attempt,
        cause=_cause(kind, trouble),
        evidence=(trouble.detail.strip() or ", ".join(trouble.paths) or "no more is known")[:8_000],
        prevention=_PREVENTION[kind],
    )


def restart_step(failed: Step, kind: FailureType) -> Step:
    """Where the next attempt begins: the step that failed, unless the fault lies in the work before it."""
    if kind is FailureType.TESTS_FAILING and failed in {Step.TEST, Step.REVIEW, Step.FIX, Step.REFACTOR}:
        return Step.IMPLEMENT
    return failed


def paid_work(state: EpicState, step: Step) -> int | None:
    """The attempt whose files and conversation the next attempt of `step` goes on from; None where it begins anew.

    An attempt that used up its money, its turns or its time did nothing wrong: what it did is paid for. Whoever chose to begin from an
    earlier step, or went back, wants it done in another way.
    """
    if state.budget is not None and state.budget.step is step:
        return state.budget.resume_attempt
    failure = state.failure
    if failure is None or failure.type not in _CAPS or state.retry_at is not step or failure.point != _point(step, failure.attempt):
        return None
    return failure.attempt


def restart_from(state: EpicState, step: Step) -> tuple[str, str]:
    """The commit that a new attempt of `step` begins from, and the base that it stands on: where the step first began, else the head.

    A base that was brought in since then is left behind with the work; the merge brings it in again.
    """
    return state.starts.get(step, state.head), state.start_bases.get(step, state.base)


def begun(state: EpicState, step: Step, commit: str) -> dict[str, dict[str, str]]:
    """The fields of the state that remember that `step` begins from `commit`."""
    return {"starts": {**state.starts, step: commit}, "start_bases": {**state.start_bases, step: state.base}}


def _point(step: Step, attempt: int | None) -> str:
    return f"{step}, attempt {attempt}" if attempt else str(step)


def _cause(kind: FailureType, trouble: Trouble) -> str:
    paths = ", ".join(trouble.paths[:20]) or "no path is known"
    said = _CAUSE.get(kind)
    if said is not None:
        return said.format(paths=paths, step=trouble.step)
    lines = trouble.detail.strip().splitlines()
    return lines[0][:500] if lines else "This machine or the repository's environment lacks something."
