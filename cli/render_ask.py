"""Requests as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts, heading, on_one_line, status_text, table
from cli.words import ago, lasted, local, usd
from engine.routing.views import AskView, PartView

_TEXT_WIDTH: Final = 60
_LONGEST: Final = 20_000
_MOST_WORDS: Final = 6


def asks_table(asks: Sequence[AskView]) -> Table:
    """Requests, one per row and line."""
    return table(
        ("ASK", "STATUS", "PARTS", "COST", "AGO", "TEXT"),
        [
            (
                Text(ask.id, style="bold"),
                status_text(ask.status),
                str(len(ask.parts)),
                usd(ask.cost_usd),
                ago(ask.updated_at),
                on_one_line(ask.text, _TEXT_WIDTH),
            )
            for ask in asks
        ],
        right=("PARTS", "COST", "AGO"),
    )


def ask_parts(ask: AskView, *, explain: bool = False) -> Iterator[RenderableType]:
    """One request: its facts, who does which part, and what came of it."""
    yield facts(
        [
            ("ask", Text(ask.id, style="bold")),
            ("status", status_text(ask.status)),
            ("repository", clean(ask.repo, 500)),
            ("cost", f"{usd(ask.cost_usd)}{f' of {usd(ask.budget_usd)}' if ask.budget_usd is not None else ''}"),
            ("split", clean(ask.note, 300)),
            ("asked by", clean(ask.asked_by, 200)),
            ("asked", local(ask.created_at)),
            ("took", lasted(ask.created_at, ask.ended_at) if ask.ended_at else ""),
        ]
    )
    yield parts_table(ask.parts)
    if explain:
        for part in ask.parts:
            yield heading(f"Part {part.n}: {printable(part.why)}")
            yield scores_table(part)
    if ask.answer:
        yield heading("Answer")
        yield Text(printable(ask.answer[:_LONGEST]))


def parts_table(parts: Sequence[PartView]) -> Table:
    """The parts of a request, one per row."""
    return table(
        ("PART", "AGENT", "SCORE", "AFTER", "STATUS", "WORK", "TEXT"),
        [
            (
                str(part.n),
                Text(part.agent or "?", style="bold" if part.agent else "bold yellow"),
                next((f"{score.score:.2f}" for score in part.scores if score.agent == part.agent), ""),
                ", ".join(map(str, part.needs)),
                status_text(part.work_status if part.status == "started" and part.work_status else part.status),
                part.work or "",
                on_one_line(part.text if not part.error else f"{part.text} — {part.error}", _TEXT_WIDTH * 2),
            )
            for part in parts
        ],
        right=("PART", "SCORE"),
    )


def scores_table(part: PartView) -> Table:
    """Who could do a part, with what each score is made of, and who could not."""
    rows: list[tuple[str | Text, ...]] = [
        (
            Text(score.agent, style="bold" if score.agent == part.agent else ""),
            f"{score.score:.2f}",
            f"{score.likeness:.2f}",
            f"{score.outcomes:+.2f}",
            f"{score.load:+.2f}",
            f"{score.done} done, {score.failed} failed, {score.busy} now",
            ", ".join(score.words[:_MOST_WORDS]),
        )
        for score in part.scores
    ]
    rows += [(Text(each.agent, style="dim"), "–", "", "", "", "", Text(printable(each.why)[:300], style="dim")) for each in part.skipped]
    names = ("AGENT", "SCORE", "SKILLS", "OUTCOMES", "LOAD", "RUNS", "WHY")
    return table(names, rows, right=("SCORE", "SKILLS", "OUTCOMES", "LOAD"))
