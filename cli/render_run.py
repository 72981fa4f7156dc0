"""Runs as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts, heading, on_one_line, status_text, table
from cli.words import ago, count, lasted, local, many, sha, usd
from engine.runs.views import RunView

_TASK_WIDTH: Final = 60
_SHOWN_FILES: Final = 20
_LONGEST: Final = 4_000


def runs_table(runs: Sequence[RunView]) -> Table:
    """Runs, one per row and line."""
    return table(
        ("RUN", "STATUS", "WORKFLOW", "COST", "AGO", "TASK"),
        [
            (
                Text(run.id, style="bold"),
                status_text(run.status),
                run.workflow,
                usd(run.cost_usd),
                ago(run.updated_at),
                on_one_line(run.task, _TASK_WIDTH),
            )
            for run in runs
        ],
        right=("COST", "AGO"),
    )


def run_parts(run: RunView) -> Iterator[RenderableType]:
    """One run: a fact per row, then what its agent handed back."""
    yield run_facts(run)
    if run.output is not None:
        yield heading("Handed back")
        yield from _output(run.output)
    if run.tests is not None and run.tests.command:
        said = "passed" if run.tests.passed else "FAILED"
        yield heading(f"Tests {said}")
        yield Text(printable(f"{run.tests.command}\n{run.tests.output}"[-_LONGEST:]), style="" if run.tests.passed else "red")


def run_facts(run: RunView) -> Table:
    """One run, a fact per row; what is not known is left out."""
    budget = f" of {usd(run.budget_usd)}" if run.budget_usd is not None else ""
    unsettled = f" + up to {usd(run.reserved_usd)} unsettled" if run.reserved_usd else ""
    tokens = f" · {count(run.tokens.input)} tokens in, {count(run.tokens.output)} out"
    files = ", ".join(run.files_changed[:_SHOWN_FILES])
    more = f" and {len(run.files_changed) - _SHOWN_FILES} more" if len(run.files_changed) > _SHOWN_FILES else ""
    return facts(
        [
            ("run", Text(run.id, style="bold")),
            ("workflow", run.workflow),
            ("status", status_text(run.status)),
            ("place", f"{run.queue_place} in the queue" if run.queue_place else ""),
            ("waits until", local(run.retry_at) if run.retry_at else ""),
            ("ended by", run.ended_by if run.ended_by != "done" else ""),
            ("error", Text(printable(run.error[:2_000]), style="red")),
            ("task", clean(run.task, 2_000)),
            ("repository", clean(run.repo, 500)),
            ("base", clean(run.base, 200)),
            ("starts at", f"{sha(run.start_commit)}{f' ({printable(run.revision)})' if run.revision else ''}"),
            ("branch", clean(run.branch or "" if run.files_changed else "", 200)),
            ("commit", sha(run.commit) if run.files_changed else ""),
            ("files", clean(f"{files}{more}", 2_000)),
            ("not published", Text(printable(run.unpublished), style="yellow")),
            ("cost", f"{usd(run.cost_usd)}{unsettled}{budget}{tokens}"),
            ("turns", str(run.turns)),
            ("executor", clean(run.executor or "", 200)),
            ("model", clean(run.model or "", 200)),
            ("labels", clean(", ".join(f"{key}={value}" for key, value in run.labels.items()), 500)),
            ("started", local(run.created_at)),
            ("took", lasted(run.created_at, run.ended_at) if run.ended_at else ""),
        ]
    )


def summary(run: RunView) -> str:
    """One line that says how a run ended."""
    files = many(len(run.files_changed), "file") if run.files_changed else ""
    told = (run.status, files, f"cost {usd(run.cost_usd)}", many(run.turns, "turn"), f"in {lasted(run.created_at, run.ended_at)}")
    return f"run {run.id}: {' · '.join(filter(None, told))}"


def _output(output: Mapping[str, Any]) -> Iterator[RenderableType]:
    for name, value in output.items():
        if value in (None, "", [], ()):
            continue
        label = Text(name.replace("_", " "), style="bold")
        if isinstance(value, list):
            yield label
            yield from (Text(f"- {printable(_line(each))}") for each in value)
        else:
            yield label.append(f"  {printable(str(value))}", style="not bold")


def _line(value: Any) -> str:
    """An item of a list; one with parts of its own on one line."""
    if isinstance(value, Mapping):
        return " · ".join(str(each) for each in value.values() if each not in (None, "", False, []))
    return str(value)
