"""What a thread in Slack tells of an epic, read from the rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Final

from db.epics import fetch_all, fetch_one
from engine.assembling import Installation
from engine.reading import epic_view, list_approvals
from engine.views import ApprovalView, EpicView, EventView, GateContent
from epics.errors import GenieError
from epics.money import dollars
from epics.records import Record
from epics.steps import Step
from epics.verdicts import FailureAnalysis, Plan, PullRequest, TestReport
from safety.scrubbing import Scrubber

_CONTENT_S: Final = 15.0
_MOST_FILES: Final = 12
_MOST_LIST: Final = 12
_MOST_TEXT: Final = 2_500
_TAIL_LINES: Final = 12


class ThreadFacts(Record):
    """An epic, what it asked, and what happened to it that a thread tells of."""

    epic: EpicView
    approvals: tuple[ApprovalView, ...]
    """In the order in which they were opened."""
    events: tuple[EventView, ...]
    is_entry: bool
    """Whether it is one of several attempts side by side: its race is shown, not itself."""


class Part(Record):
    """A part of what a gate asks about."""

    title: str
    text: str


class CardFacts(Record):
    """What one approval is about: kept with its card, since the checkpoint that it is read from may be pruned; nothing secret is in it."""

    parts: tuple[Part, ...] = ()
    cost_usd: str = ""
    tests: str = ""


async def thread_facts(installation: Installation, epic: str, since: int) -> ThreadFacts:
    """All that a thread tells of, from an event on.

    Raises:
        EpicNotFound: if the epic is gone.
    """
    pool = installation.database.pool
    view = await epic_view(pool, epic)
    events = await fetch_all(pool, "events_for_slack", {"epic": epic, "since": since})
    approvals = await list_approvals(pool, status=None, epic_id=epic)
    entry = await fetch_one(pool, "is_race_entry", {"epic": epic})
    return ThreadFacts(
        epic=view,
        approvals=tuple(sorted(approvals, key=lambda approval: approval.moment)),
        events=tuple(EventView(id=row["n"], type=row["type"], time=row["created_at"], data=row["data"]) for row in events),
        is_entry=entry is not None,
    )


async def card_facts(installation: Installation, approval: ApprovalView, scrubber: Scrubber) -> CardFacts:
    """What an approval is about; its summary alone where the rest cannot be read here."""
    # In a thread: it reads checkpoints, and LangGraph takes seconds to import, in which a server must answer.
    gates = await asyncio.to_thread(import_module, "engine.gates")
    moment = await fetch_one(installation.database.pool, "moment", {"epic": approval.epic, "n": approval.moment})
    try:
        # A repository that is slow to come must not keep the question from people.
        async with asyncio.timeout(_CONTENT_S):
            content: GateContent | None = await gates.gate_content(installation, approval)
    except (GenieError, TimeoutError):
        content = None
    parts = tuple(_parts(approval, content)) if content is not None else ()
    parts = parts or (Part(title="", text=approval.summary),)
    return CardFacts(
        parts=tuple(Part(title=scrubber.text(part.title), text=_cut(scrubber.text(part.text))) for part in parts if part.text.strip()),
        cost_usd=dollars(str(moment["cost_usd"])) if moment is not None else "",
        tests=scrubber.text(_tests(content.tests)) if content is not None and content.tests is not None else "",
    )


def _parts(approval: ApprovalView, content: GateContent) -> Iterator[Part]:
    if (notice := _notice(approval, content)) and approval.gate is not Step.BUDGET_GATE:
        yield Part(title="", text=notice)
    match approval.gate:
        case Step.PLAN_GATE if content.plan is not None:
            yield from _plan(content.plan)
            if content.design is not None:
                yield Part(title="Design", text=f"{content.design.summary}\n{content.design.decision}")
        case Step.MERGE_GATE if content.pull_request is not None:
            yield from _pull_request(content.pull_request, content.diff_stat)
        case Step.FAILURE_GATE if content.failure is not None:
            yield from _failure(content.failure)
            if content.tests is not None and not content.tests.passed and content.tests.output.strip():
                yield Part(title="The end of what the tests said", text=_tail(content.tests.output))
        case _:
            yield Part(title="", text=approval.summary)


def _notice(approval: ApprovalView, content: GateContent) -> str:
    """What the gate says before its summary, such as that the base moved."""
    begins = {
        Step.PLAN_GATE: content.plan.summary if content.plan else "",
        Step.MERGE_GATE: content.pull_request.title if content.pull_request else "",
        Step.FAILURE_GATE: "Cause:",
    }.get(approval.gate, "")
    return approval.summary.partition(begins)[0].strip() if begins else ""


def _plan(plan: Plan) -> Iterator[Part]:
    yield Part(title="", text=plan.summary)
    yield Part(title="Tasks", text=_listed(plan.tasks, numbered=True))
    yield Part(title="Done when", text=_listed(plan.acceptance_criteria))
    yield Part(title="Risks", text=_listed(plan.risks))
    yield Part(title="May change", text=", ".join(plan.allowed_paths))


def _pull_request(request: PullRequest, stat: str) -> Iterator[Part]:
    size = f"{request.files} file{'' if request.files == 1 else 's'}, +{request.insertions} −{request.deletions}"
    yield Part(title=request.title, text=request.body)
    lines = stat.splitlines()
    more = [f"… and {len(lines) - _MOST_FILES} more"] if len(lines) > _MOST_FILES else []
    yield Part(title=f"Changes to {request.base}: {size}", text="\n".join([*lines[:_MOST_FILES], *more]) or request.branch)


def _failure(failure: FailureAnalysis) -> Iterator[Part]:
    yield Part(title="Cause", text=failure.cause)
    yield Part(title="Evidence", text=failure.evidence)
    yield Part(title="Prevention", text=failure.prevention)


def _tests(tests: TestReport) -> str:
    if tests.command is None:
        return "no tests found"
    return "tests passed" if tests.passed else "tests timed out" if tests.timed_out else f"tests failed with exit code {tests.exit_code}"


def _listed(items: tuple[str, ...], *, numbered: bool = False) -> str:
    lines = [f"{f'{n}.' if numbered else '•'} {item}" for n, item in enumerate(items[:_MOST_LIST], start=1)]
    return "\n".join([*lines, *([f"… and {len(items) - _MOST_LIST} more"] if len(items) > _MOST_LIST else [])])


def _tail(output: str) -> str:
    return "\n".join(output.rstrip().splitlines()[-_TAIL_LINES:])


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1].rstrip() + "…"
