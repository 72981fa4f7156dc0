"""Epics, moments and attempts as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.words import ago, count, lasted, local, many, sha, shortened, usd
from engine.views import AttemptView, EpicView, MomentView

STATUS_STYLES: Final = {
    "queued": "cyan",
    "running": "bold cyan",
    "waiting": "bold yellow",
    "paused": "yellow",
    "merged": "bold green",
    "rejected": "red",
    "failed": "bold red",
    "cancelled": "red",
    "pending": "bold yellow",
    "approved": "green",
    "changes": "yellow",
    "resolved": "green",
    "expired": "red",
    "superseded": "dim",
    "done": "green",
    "decided": "green",
    "picked": "green",
}

GOAL_WIDTH: Final = 60


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, "red"))


def epics_table(epics: Sequence[EpicView]) -> Table:
    """Epics, one per row and line."""
    return table(
        ("EPIC", "STATUS", "PLACE", "STEP", "COST", "AGO", "GOAL"),
        [
            (
                Text(epic.id, style="bold"),
                status_text(epic.status),
                str(epic.queue_place or ""),
                epic.step,
                usd(epic.cost_usd),
                ago(epic.updated_at),
                on_one_line(epic.goal, GOAL_WIDTH),
            )
            for epic in epics
        ],
        right=("PLACE", "COST", "AGO"),
    )


def epic_facts(epic: EpicView, *, at_work: int | None = None) -> Table:
    """One epic, a fact per row; what is not known is left out. `at_work` is the attempt that is going on."""
    budget = f" of {usd(epic.budget_usd)}" if epic.budget_usd is not None else ""
    unsettled = f" + up to {usd(epic.reserved_usd)} unsettled" if epic.reserved_usd else ""
    tokens = f" · {count(epic.tokens.input)} tokens in, {count(epic.tokens.output)} out"
    rows: list[tuple[str, str | Text | None]] = [
        ("epic", Text(epic.id, style="bold")),
        ("status", status_text(epic.status)),
        ("place", f"{epic.queue_place} in the queue" if epic.queue_place else ""),
        ("waits until", local(epic.retry_at) if epic.retry_at else ""),
        ("goal", clean(epic.goal, 2_000)),
        ("requested by", clean(f"{epic.requested_by} ({epic.requested_via})" if epic.requested_by else "", 200)),
        ("fork of", f"{epic.forked_from}, at its moment {epic.forked_at}" if epic.forked_from else ""),
        ("race", f"{epic.race.replace('_', ' ')}: genie time race {epic.id}" if epic.race else ""),
        ("repository", clean(epic.repo, 500)),
        ("base", clean(epic.base, 200)),
        ("step", f"{epic.step}{f', attempt {at_work}' if at_work else ''}"),
        ("branch", clean(epic.branch or "", 200)),
        ("head", sha(epic.head)),
        ("cost", f"{usd(epic.cost_usd)}{unsettled}{budget}{tokens}"),
        ("executor", clean(epic.executor or "", 200)),
        ("model", clean(epic.model or "", 200)),
        ("labels", clean(", ".join(f"{key}={value}" for key, value in epic.labels.items()), 500)),
        ("waits for", Text(epic.waiting_on or "", style="bold yellow")),
        ("failure", clean(f"{epic.failure.type}: {epic.failure.cause}" if epic.failure else "", 2_000)),
        ("stopped by", Text(printable(epic.problem or ""), style="red")),
        ("started", local(epic.created_at)),
        ("updated", local(epic.updated_at)),
        ("pruned", _pruned(epic)),
    ]
    return facts(rows)


def _pruned(epic: EpicView) -> str:
    times = epic.pruned.model_dump() if epic.pruned is not None else {}
    return ", ".join(f"{name.removesuffix('_at')} on {local(at)[:10]}" for name, at in times.items() if at is not None)


def moments_table(moments: Sequence[MomentView]) -> Table:
    """The moments of an epic, in their order; SPENT is the sum up to each."""
    return table(
        ("N", "STEP", "ATTEMPT", "OUTCOME", "COMMIT", "SPENT", "NOTE"),
        [
            (
                str(moment.n),
                moment.step,
                str(moment.attempt or ""),
                status_text(moment.outcome),
                sha(moment.commit),
                usd(moment.cost_usd),
                clean(moment.note or moment.name or "", 100),
            )
            for moment in moments
        ],
        right=("N", "ATTEMPT", "SPENT"),
    )


def attempts_table(attempts: Sequence[AttemptView], *, running: bool) -> Table:
    """The attempts of an epic, in their order; the models only where there are several."""
    several = len({attempt.model for attempt in attempts}) > 1
    return table(
        ("N", "WORKFLOW", "MODEL", "TURNS", "COST", "TOOK", "ENDED BY", "FILES"),
        [
            (
                str(attempt.n),
                attempt.workflow,
                clean(attempt.model, 40) if several else "",
                str(attempt.turns),
                usd(attempt.cost_usd),
                lasted(attempt.started_at, attempt.ended_at) if attempt.ended_at or running else "",
                Text(attempt.ended_by or ("at work" if running else "interrupted"), style="red" if attempt.error else ""),
                clean("; ".join(filter(None, _said_of(attempt))), 200),
            )
            for attempt in attempts
        ],
        right=("N", "TURNS", "COST", "TOOK"),
    )


def _said_of(attempt: AttemptView) -> tuple[str, ...]:
    """What became of an attempt, and what sets it apart."""
    recalled = f"remembers {', '.join(memory.id for memory in attempt.recalled)}" if attempt.recalled else ""
    return attempt.error or ", ".join(attempt.files_changed), _recovery(attempt), _set_up(attempt), recalled


def _set_up(attempt: AttemptView) -> str:
    """In what an attempt was set up otherwise than the one before it; all of it is in `genie time show` and `--json`."""
    # Each has a brief of its own, and most have a start of their own.
    fields = [change.field.replace("_", " ") for change in attempt.changed if change.field not in {"brief_hash", "start_commit"}]
    return f"set up differently: {', '.join(fields)}" if fields else ""


def _recovery(attempt: AttemptView) -> str:
    """What became of an attempt that a crash cut off in the middle of a command."""
    if attempt.recovery is None:
        return ""
    did = "parked" if attempt.recovery.get("did") == "parked" else "went on"
    return f"cut off in turn {attempt.recovery.get('turn')}, {did} (on_crash = {attempt.recovery.get('on_crash')})"


def branches_table(attempts: Sequence[AttemptView]) -> Table:
    """The branches that the attempts left in the repository."""
    return table(
        ("BRANCH", "COMMIT", "FILES"),
        [
            (clean(attempt.branch, 120), sha(attempt.commit), many(len(attempt.files_changed), "file"))
            for attempt in attempts
            if attempt.branch is not None
        ],
    )


def facts(rows: Iterable[tuple[str, str | Text | None]]) -> Table:
    """Names and values; a row without a value is left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(name, value)
    return table


def table(names: Sequence[str], rows: Sequence[Sequence[str | Text]], *, right: Sequence[str] = ()) -> Table:
    """A table as all of ours look: a column without a value is left out, and the last one gives way on a narrow terminal."""
    kept = [at for at in range(len(names)) if any(str(row[at]) for row in rows)]
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False, padding=(0, 1, 0, 0))
    for at in kept:
        last = at == kept[-1]
        made.add_column(names[at], justify="right" if names[at] in right else "left", no_wrap=not last, overflow="fold")
    for row in rows:
        made.add_row(*(row[at] for at in kept))
    return made


def on_one_line(text: str, most: int) -> Text:
    """Foreign text that is cut where its line ends."""
    line = clean(text, most)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def clean(text: str, most: int) -> Text:
    """Foreign text on one line, without what could steer the terminal."""
    return Text(shortened(printable(text), most))


def heading(text: str) -> RenderableType:
    """The title of a part."""
    return Text(f"\n{text}", style="bold")
