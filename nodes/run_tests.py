"""test: let the agent add tests, then run the repository's own test command and believe only that."""

from __future__ import annotations

from typing import Final

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from epics.verdicts import TestReport
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, cap_reached, counted, done, work

_TAIL: Final = 3_500


async def run_tests(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have tests added and run; go on to the review, to a fix, or to the time machine when the rounds of fixing are used up."""
    rounds = runtime.context.policy.fix_rounds

    def then(attempted: Attempted) -> Update:
        report = attempted.tests or TestReport(command=None, source="no test was run", passed=True)
        update = {**accepted(state, attempted), "tests": report, "last": done(Step.TEST, attempted, _note(report))}
        if state.conflicts:
            # Files with conflict markers can pass; an epic comes here with them only by going back.
            return {**update, "step": advance(Step.TEST, Step.FIX)}
        if report.passed:
            return {**update, "step": advance(Step.TEST, Step.REVIEW)}
        if state.rounds.get(Step.FIX, 0) >= rounds:
            return {**update, **cap_reached(Step.TEST, _seen(report), done(Step.TEST, attempted, _note(report)))}
        return {**update, "rounds": counted(state.rounds, Step.FIX), "step": advance(Step.TEST, Step.FIX)}

    return await work(state, runtime, Step.TEST, then=then, run_tests=True)


def _seen(report: TestReport) -> str:
    # Test commands sum up at the end; and some print nothing at all.
    return f"{_note(report)}\n{report.output[-_TAIL:]}"


def _note(report: TestReport) -> str:
    if report.command is None:
        return f"no tests were run: {report.source}"
    if report.timed_out:
        return f"`{report.command}` was stopped after {report.seconds:.0f} s"
    return f"`{report.command}` {'passed' if report.passed else f'failed with exit code {report.exit_code}'} in {report.seconds:.1f} s"
