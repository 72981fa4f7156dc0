"""review: have the work judged by a reader who cannot change it."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from epics.verdicts import Review
from nodes.context import Attempted, EpicContext
from nodes.working import Update, cap_reached, counted, done, work


async def review(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the work reviewed; go on to the documents, or to a fix or refactoring of what was found."""
    rounds = runtime.context.policy.fix_rounds

    def then(attempted: Attempted) -> Update:
        verdict = Review.model_validate(attempted.output)
        findings = verdict.open_findings
        note = f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'} to deal with" if findings else "passed"
        update: Update = {"review": verdict, "last": done(Step.REVIEW, attempted, note)}
        if not findings:
            return {**update, "step": advance(Step.REVIEW, Step.DOCUMENT)}
        if state.rounds.get(Step.FIX, 0) >= rounds:
            detail = "\n".join(f"{finding.id} {finding.severity} {finding.file}: {finding.what}" for finding in findings)
            return {**update, **cap_reached(Step.REVIEW, detail, done(Step.REVIEW, attempted, note))}
        target = Step.REFACTOR if all(finding.structural for finding in findings) else Step.FIX
        return {**update, "rounds": counted(state.rounds, Step.FIX), "step": advance(Step.REVIEW, target)}

    return await work(state, runtime, Step.REVIEW, then=then)
