"""One moment of an epic, as people read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts, heading, status_text, table
from cli.render_difference import files_table, short, size_of
from cli.words import ago, lasted, local, many, sha, usd
from engine.history_views import FileStat
from engine.time_machine.moment_views import Counts, MomentDetail, MomentState, RollbackRecord
from engine.views import ApprovalView, AttemptView
from epics.verdicts import Review, TestReport

_FILES_SHOWN: Final = 40

Fact = tuple[str, str | Text | None]


def moment_parts(moment: MomentDetail, *, newest: int | None) -> Iterator[RenderableType]:
    """All that is known of a moment, what it is first."""
    yield _what_it_is(moment)
    yield heading("State")
    gone: list[Fact] = [("gone", Text("it is not kept any more, or another release of Genie wrote it", style="yellow"))]
    yield facts([*(_state_facts(moment.state) if moment.state else gone), *_ever(moment.counts)])
    if moment.approval is not None:
        yield heading("Asked there")
        yield _approval_facts(moment.approval)
    if moment.decision is not None:
        yield heading("Decided on the way to it")
        yield _approval_facts(moment.decision)
    if moment.attempt_view is not None:
        yield heading("Attempt")
        yield _attempt_facts(moment.attempt_view)
    yield heading("Files changed against its parent" if moment.parent else "Files changed against the base")
    yield from _files(moment.files, moment.files_trouble)
    if moment.rollbacks:
        yield heading("Rollbacks")
        yield _rollbacks_table(moment.rollbacks)
    here = moment.n == newest
    way = "the epic is here" if here else f"go back to it with: genie time rollback {moment.epic} --to {moment.n}"
    yield Text(f"\n{way}", style="yellow")


def tests_word(tests: TestReport | None) -> Text:
    """What the repository's tests said."""
    if tests is None:
        return Text("not run", style="dim")
    if tests.command is None:
        return Text("no test command", style="yellow")
    said = "passed" if tests.passed else "timed out" if tests.timed_out else f"failed with exit code {tests.exit_code}"
    return Text(said, style="green" if tests.passed else "red")


def review_word(review: Review | None) -> str:
    """What the review found."""
    if review is None:
        return ""
    found = Counter(str(finding.severity) for finding in review.findings)
    return ", ".join([review.verdict, *(f"{number} {severity}" for severity, number in found.items())])


def _what_it_is(moment: MomentDetail) -> Table:
    paid = f"{usd(moment.step_cost_usd)} for the step, {usd(moment.cost_usd)} so far"
    back = f" (back to {moment.back_to})" if moment.back_to is not None else ""
    return facts(
        [
            ("moment", Text(f"{moment.n} of {moment.epic}", style="bold")),
            ("name", moment.name),
            ("step", Text(f"{moment.step}, ").append_text(status_text(moment.outcome)).append(back)),
            ("note", clean(moment.note, 2_000)),
            ("came from", str(moment.parent or "where the epic began")),
            ("led to", ", ".join([*map(str, moment.children), *moment.forks])),
            ("decided by", clean(moment.decided_by or "", 200)),
            ("cost", "paid by the epic that it was forked from" if moment.step_cost_usd is None else paid),
            ("branch", clean(moment.branch or "", 200)),
            ("commit", moment.commit),
            ("tree", moment.tree),
            ("when", f"{local(moment.created_at)}, {ago(moment.created_at)} ago"),
        ]
    )


def _state_facts(state: MomentState) -> list[Fact]:
    stop = state.budget
    design = f"{state.design.title} ({state.design.adr_path})" if state.design else ""
    failure = f"{state.failure.type}: {state.failure.cause}" if state.failure else ""
    counted = {**state.rounds, **{f"failed {step}": number for step, number in state.failures.items()}}
    loops = ", ".join(f"{name} {number}" for name, number in counted.items() if number) or "none"
    return [
        ("then comes", f"the end: {state.ended}" if state.ended else str(state.step)),
        ("base", sha(state.base)),
        ("plan", clean(state.plan.summary, 500) if state.plan else ""),
        ("design", clean(design, 500)),
        ("tests", tests_word(state.tests)),
        ("review", review_word(state.review)),
        ("pull request", clean(state.pull_request.title, 300) if state.pull_request else ""),
        ("failure", clean(failure, 500)),
        ("limit", f"{usd(stop.limit_usd)} for the {stop.scope}, {usd(stop.spent_usd)} spent" if stop else ""),
        ("conflicts", clean(", ".join(state.conflicts), 500)),
        ("guidance", clean(" · ".join(state.guidance), 1_000)),
        ("comments", clean(" · ".join(state.comments), 1_000)),
        ("loops taken", f"{loops}; counted anew after a rollback"),
    ]


def _ever(ever: Counts) -> list[Fact]:
    """Beside the loops that were taken, since the two are easily taken for each other."""
    numbers = f"{many(ever.attempts_ever, 'attempt')}, {many(ever.moments_ever, 'moment')}, {many(ever.rollbacks_ever, 'rollback')}"
    return [("ever", f"{numbers}; never taken back")]


def _approval_facts(approval: ApprovalView) -> Table:
    decided = (
        f"{approval.decision} by {approval.decided_by} ({approval.channel}), {local(approval.decided_at)}" if approval.decision else ""
    )
    return facts(
        [
            ("approval", f"{approval.id}, {approval.gate}, {approval.status}"),
            ("question", clean(approval.question, 500)),
            ("decision", clean(decided, 500) if approval.decision else ""),
            ("comment", clean(approval.comment or "", 2_000)),
        ]
    )


def _attempt_facts(attempt: AttemptView) -> Table:
    changed = (f"{change.field}: {short(change.before)} → {short(change.after)}" for change in attempt.changed)
    return facts(
        [
            ("attempt", f"{attempt.n}, {attempt.workflow}, {attempt.ended_by or 'not ended'}"),
            ("error", Text(printable(attempt.error), style="red") if attempt.error else ""),
            ("executor", clean(f"{attempt.executor}, {attempt.model}", 300)),
            ("cost", f"{usd(attempt.cost_usd)}, {many(attempt.turns, 'turn')}, {lasted(attempt.started_at, attempt.ended_at)}"),
            ("began at", sha(attempt.base_commit)),
            ("files", clean(", ".join(attempt.files_changed), 500)),
            ("set up anew", clean("; ".join(changed), 2_000)),
            ("remembers", clean(", ".join(f"{each.id} ({each.source})" for each in attempt.recalled), 500)),
            ("told of", clean(", ".join(f"{each.type} in {each.epic}" for each in attempt.lessons), 500)),
        ]
    )


def _files(files: Sequence[FileStat] | None, trouble: str) -> Iterator[RenderableType]:
    if files is None:
        yield Text(f"they cannot be read now: {printable(trouble)}", style="yellow")
    elif not files:
        yield Text("none", style="dim")
    else:
        yield files_table(files[:_FILES_SHOWN])
        more = len(files) - _FILES_SHOWN
        yield Text(f"… {many(more, 'file')} more; in all {size_of(files)}" if more > 0 else size_of(files), style="dim")


def _rollbacks_table(rollbacks: Sequence[RollbackRecord]) -> Table:
    return table(
        ("MADE", "KIND", "LEVEL", "FROM", "TO", "BY", "AGO", "GUIDANCE"),
        [
            (
                str(each.moment),
                each.kind,
                each.level,
                str(each.before),
                str(each.to),
                clean(each.by, 20),
                ago(each.created_at),
                clean(each.guidance, 200),
            )
            for each in rollbacks
        ],
        right=("MADE", "FROM", "TO", "AGO"),
    )
