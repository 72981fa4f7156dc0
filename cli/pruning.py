"""Pruning finished epics by hand: what would go and what stays, or the same for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import facts, heading, table
from cli.words import count, local, many, size
from engine.engine import Engine
from engine.retention import PruneReport, RetentionPolicy

_OF: Final = {
    "checkpoints": "GENIE_KEEP_CHECKPOINTS_DAYS",
    "journal": "GENIE_KEEP_JOURNAL_DAYS",
    "packs": "GENIE_KEEP_JOURNAL_DAYS",
    "events": "GENIE_KEEP_EVENTS_DAYS",
}


async def prune(engine: Engine, policy: RetentionPolicy, output: Output, *, apply: bool) -> int:
    """Prune what is due, or say what that would be."""
    report = await engine.prune(policy, apply=apply)
    output.answer(record=report, parts=_parts(report, policy))
    return ExitCode.DONE


def _parts(report: PruneReport, policy: RetentionPolicy) -> Iterator[RenderableType]:
    yield table(
        ("WHAT", "ROWS", "BYTES", "OF EPICS THAT ENDED"),
        [
            (part.kind, count(part.rows), size(part.bytes), f"more than {many(part.days, 'day')} ago ({_OF[part.kind]})")
            for part in report.policies
        ],
        right=("ROWS", "BYTES"),
    )
    verb = "pruned" if report.applied else "would be pruned"
    surplus = f"; {report.surplus:,} of them for being beyond the newest {policy.keep:,} (GENIE_KEEP_EPICS)" if report.surplus else ""
    yield Text(f"\n{many(report.epics, 'epic')} {verb}, {many(report.rows, 'row')}, {size(report.bytes)}{surplus}", style="bold")
    kept = report.kept
    unfinished = ", ".join(f"{number:,} {status}" for status, number in sorted(kept.unfinished.items()))
    yield heading("Kept")
    yield facts(
        [
            ("not finished", unfinished and f"{unfinished}: never pruned"),
            ("within policy", many(kept.within_policy, "finished epic") if kept.within_policy else ""),
            ("at work", f"{many(kept.at_work, 'epic')}: somebody has them at this moment" if kept.at_work else ""),
            ("named moments", f"{many(kept.named_moments, 'checkpoint')} that a name holds" if kept.named_moments else ""),
            ("always", "epics, moments, approvals, attempts, calls and their cost, and the newest checkpoint of each epic"),
            ("pruned before", many(report.pruned_before, "epic") if report.pruned_before else ""),
            ("last by a worker", local(report.last_pass_at) if report.last_pass_at else "never"),
        ]
    )
    if not report.applied and report.rows:
        yield Text("\nnothing was deleted; to do it: genie db prune --apply", style="yellow")
