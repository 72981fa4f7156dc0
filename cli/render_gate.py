"""What a person reads before deciding: the plan, the pull request and its diff, the failure, the limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts
from cli.words import many, seconds, sha, usd
from engine.views import ApprovalView, GateContent
from epics.state import BudgetStop
from epics.steps import Step
from epics.verdicts import Design, FailureAnalysis, Plan, PullRequest, TestReport

DIFF_LINES: Final = 160
"""How much of a diff is shown before a question; the rest is one command away."""

_TAIL_LINES: Final = 12


def gate_parts(approval: ApprovalView, content: GateContent, *, diff_lines: int = DIFF_LINES) -> Iterator[RenderableType]:
    """All that a gate asks about, in the order in which one reads it."""
    plan_is_asked_about = approval.gate is Step.PLAN_GATE
    if content.plan is not None and plan_is_asked_about:
        yield _panel("Plan", plan_parts(content.plan))
    if content.design is not None and plan_is_asked_about:
        yield _panel("Design", _design_parts(content.design))
    if content.pull_request is not None:
        yield _panel("Pull request", _pull_request_parts(content.pull_request))
    if content.tests is not None:
        yield _panel("Tests", _tests_parts(content.tests))
    if content.diff:
        yield _panel("Changes", diff_parts(content.diff, content.diff_stat, epic=approval.epic, most=diff_lines))
    if content.failure is not None:
        yield _panel("Failure", failure_parts(content.failure))
    if content.budget is not None:
        yield _panel("Limit", _budget_parts(content.budget))
    # What the question is about stands above in full; the summary repeats it, and begins with what is said nowhere else.
    if notice := _notice(approval, content):
        yield Padding(Text(printable(notice), style="yellow"), (1, 1, 0, 1))


def _notice(approval: ApprovalView, content: GateContent) -> str:
    if content.budget is not None:
        return ""
    begins = {
        Step.PLAN_GATE: content.plan.summary if content.plan else "",
        Step.MERGE_GATE: content.pull_request.title if content.pull_request else "",
        Step.FAILURE_GATE: "Cause:",
    }.get(approval.gate, "")
    return approval.summary.partition(begins)[0].strip() if begins else approval.summary


def plan_parts(plan: Plan) -> Iterator[RenderableType]:
    """A plan: what will be different, the work, how to know that it is done, and where it may happen."""
    yield Text(printable(plan.summary))
    yield _listed("Tasks", plan.tasks, numbered=True)
    yield _listed("Done when", plan.acceptance_criteria)
    yield _listed("Risks", plan.risks)
    yield Text()
    yield facts(
        [
            ("may change", clean(", ".join(plan.allowed_paths), 1_000)),
            ("leaves alone", clean(", ".join(plan.forbidden_paths), 1_000)),
            ("likely cost", f"{usd(plan.cost_low_usd)} to {usd(plan.cost_high_usd)}" if plan.cost_high_usd else ""),
        ]
    )


def failure_parts(failure: FailureAnalysis) -> Iterator[RenderableType]:
    """A failure: what kind, why, what shows it, how to avoid it."""
    yield facts(
        [
            ("type", failure.type),
            ("where", clean(failure.point, 500)),
            ("cause", Text(printable(failure.cause))),
            ("evidence", Text(printable(failure.evidence))),
            ("prevention", Text(printable(failure.prevention))),
            ("found by", failure.by),
        ]
    )


def diff_parts(diff: str, stat: str = "", *, epic: str = "", most: int | None = None) -> Iterator[RenderableType]:
    """A diff in colours, cut at `most` lines, with what was cut said."""
    if stat.strip():
        yield stat_table(printable(stat.rstrip()))
        yield Text()
    lines = printable(diff.rstrip("\n")).splitlines()
    shown = lines if most is None else lines[:most]
    yield Syntax("\n".join(shown), "diff", theme="ansi_dark", background_color="default", word_wrap=True)
    if len(lines) > len(shown):
        yield Text(f"… {many(len(lines) - len(shown), 'line')} more: genie epic diff {epic}".rstrip(), style="dim")


def stat_table(stat: str) -> Table:
    """What each file gained and lost, in columns: from `path | +1 -2` a line."""
    made = Table.grid(padding=(0, 2))
    made.add_column(overflow="fold")
    for _ in range(2):
        made.add_column(justify="right", no_wrap=True)
    for line in stat.splitlines():
        path, bar, numbers = line.rpartition(" | ")
        more, _, less = (numbers if bar else "").partition(" ")
        made.add_row(Text((path if bar else line).strip()), Text(more, style="green"), Text(less.replace("-", "−"), style="red"))
    return made


def _design_parts(design: Design) -> Iterator[RenderableType]:
    yield Text(printable(design.title), style="bold")
    yield Text(printable(design.summary))
    yield facts([("decision", Text(printable(design.decision))), ("written down in", clean(design.adr_path, 300))])


def _pull_request_parts(request: PullRequest) -> Iterator[RenderableType]:
    yield Text(printable(request.title), style="bold")
    yield Text(printable(request.body))
    yield Text()
    changed = f"{many(request.files, 'file')}, +{request.insertions} −{request.deletions}"
    yield facts(
        [
            ("merges", clean(f"{request.branch} ({sha(request.head)}) into {request.base} ({sha(request.base_commit)})", 500)),
            ("changes", changed),
        ]
    )


def _tests_parts(tests: TestReport) -> Iterator[RenderableType]:
    if tests.command is None:
        yield Text("no test command was found: name one in genie.toml", style="yellow")
        return
    said = "passed" if tests.passed else "timed out" if tests.timed_out else f"failed with exit code {tests.exit_code}"
    yield Text(f"{printable(tests.command)}  {said} in {seconds(tests.seconds)}", style="green" if tests.passed else "red")
    if not tests.passed:
        yield Text("\n".join(printable(tests.output).rstrip().splitlines()[-_TAIL_LINES:]), style="dim")


def _budget_parts(stop: BudgetStop) -> Iterator[RenderableType]:
    yield facts(
        [
            ("step", stop.step),
            ("limit", f"{usd(stop.limit_usd)} for the {stop.scope}"),
            ("spent", usd(stop.spent_usd)),
            ("next call", "could pass the limit, so it was not made; nothing of the work is lost"),
        ]
    )


def _listed(title: str, items: Iterable[str], *, numbered: bool = False) -> RenderableType:
    text = Text()
    for number, item in enumerate(items, start=1):
        text.append(f"\n{f'{number}.' if numbered else '•':>4} {printable(item)}")
    return Group(Text(f"\n{title}", style="bold"), Text(text.plain.lstrip("\n"))) if text else Text(end="")


def _panel(title: str, parts: Iterable[RenderableType]) -> Panel:
    return Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(0, 1))
