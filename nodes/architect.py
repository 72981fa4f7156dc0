"""architect: design the work, and record the decision as a file in git."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime

from epics.state import EpicState, StepRecord
from epics.steps import Step, advance
from epics.verdicts import Design, DesignDraft
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, cap_reached, work


async def architect(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the plan designed, add the decision record, and ask for approval."""
    if state.rounds.get(Step.ARCHITECT, 0) > runtime.context.policy.architect_rounds:
        asked = "\n".join(state.comments)
        note = "the allowed rounds of design are used up"
        last = StepRecord(step=Step.ARCHITECT, outcome="failed", branch=state.branch, note=note)
        return cap_reached(Step.ARCHITECT, asked, last)
    # A design that was sent back is not a decision: its record gives way to the next one's.
    earlier = state.design.adr_path if state.design else None
    free = await runtime.context.repository.free_adr_prefix(state.head, but=earlier)

    def path_of(output: Mapping[str, Any]) -> str:
        return f"{free}{slug(str(output['title']))}.md"

    def own_files(output: Mapping[str, Any]) -> Mapping[str, str | None]:
        replaced: dict[str, str | None] = {earlier: None} if earlier else {}
        return {**replaced, path_of(output): decision_record(DesignDraft.model_validate(output))}

    def then(attempted: Attempted) -> Update:
        draft = DesignDraft.model_validate(attempted.output)
        design = Design(summary=draft.summary, title=draft.title, decision=draft.decision, adr_path=path_of(attempted.output or {}))
        return {
            **accepted(state, attempted),
            "design": design,
            "notice": "",
            "step": advance(Step.ARCHITECT, Step.PLAN_GATE),
        }

    return await work(state, runtime, Step.ARCHITECT, then=then, own_files=own_files)


def decision_record(draft: DesignDraft) -> str:
    """The decision as one page of Markdown, after Nygard's "Documenting architecture decisions" (2011) with weighted options."""
    options = "\n".join(_option(option.name, option.weight, option.pros, option.cons) for option in draft.options)
    return (
        f"# {draft.title}\n\n## Context\n\n{draft.context}\n\n## Options\n\n"
        f"| option | weight | for | against |\n| --- | --- | --- | --- |\n"
        f"{options}\n\n## Decision\n\n{draft.decision}\n\n## Design\n\n{draft.summary}\n\n## Consequences\n\n{draft.consequences}\n"
    )


def slug(title: str) -> str:
    """A title as the part of a file name."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in title.lower()).split()
    return "-".join(words)[:60].strip("-") or "decision"


def _option(name: str, weight: int, pros: tuple[str, ...], cons: tuple[str, ...]) -> str:
    cells = (name, str(weight), "; ".join(pros), "; ".join(cons))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
