"""pr: make the pull request, as a record beside the branch where no host is configured."""

from __future__ import annotations

from typing import Final

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from epics.verdicts import PullRequest, PullRequestText
from nodes.context import Attempted, EpicContext
from nodes.working import Update, work

HIDDEN: Final = "The branch could not be shown in the repository: "
"""What stands before why the branch is not there, in what the gate tells."""

_NAMED: Final = 20


async def open_pull_request(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have title and body written, record the pull request, and ask whether to merge."""
    repository = runtime.context.repository
    size = await repository.size(state.base, state.head)
    hidden = await repository.publish(state.branch) if state.branch else ""
    delicate = await repository.needs_approval(state.base, state.head)

    def then(attempted: Attempted) -> Update:
        text = PullRequestText.model_validate(attempted.output)
        pull_request = PullRequest(
            title=text.title,
            body=text.body,
            base=runtime.context.facts.base,
            base_commit=state.base,
            head=state.head,
            branch=state.branch or "",
            files=size.files,
            insertions=size.insertions,
            deletions=size.deletions,
        )
        return {
            "pull_request": pull_request,
            "notice": _notice(hidden, delicate),
            "comments": (),
            "step": advance(Step.PR, Step.MERGE_GATE),
        }

    return await work(state, runtime, Step.PR, then=then)


def _notice(hidden: str, delicate: tuple[str, ...]) -> str:
    """What the person at the merge gate must know beside the pull request."""
    more = f" and {len(delicate) - _NAMED} more" if len(delicate) > _NAMED else ""
    parts = (
        f"Look at these with care, a workflow marks them as needing approval: {', '.join(delicate[:_NAMED])}{more}." if delicate else "",
        f"{HIDDEN}{hidden}" if hidden else "",
    )
    return "\n".join(part for part in parts if part)
