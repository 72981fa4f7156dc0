"""Two epics side by side, as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.render import clean, heading, status_text, table
from cli.render_difference import files_table, size_of
from cli.render_gate import diff_parts
from cli.render_moment import review_word, tests_word
from cli.words import count, lasted, many, sha, usd
from engine.time_machine.comparison_views import ComparedEpic, Comparison, StepTally

_FILES_SHOWN: Final = 40
_WORDS_WIDTH: Final = 50


def comparison_parts(compared: Comparison) -> Iterator[RenderableType]:
    """Where they part, what each did since then, and what differs between their heads."""
    left, right = compared.left, compared.right
    yield Text(_where_they_part(compared), style="dim")
    names = ("", left.id, right.id)
    one, other = _facts(left), _facts(right)
    # A fork has the goal of its source.
    shown = [name for name in one if str(one[name]) or str(other[name]) if name != "goal" or left.goal != right.goal]
    yield table(names, [(name, one[name], other[name]) for name in shown])
    ones, others = _steps(left), _steps(right)
    if done := list(dict.fromkeys((*ones, *others))):
        yield heading("Steps since then" if compared.parting else "Steps")
        yield table(names, [(step, ones.get(step, "–"), others.get(step, "–")) for step in done])
    yield heading(f"Files that differ between their heads: {size_of(compared.files) if compared.files else 'none'}")
    if compared.files:
        yield files_table(compared.files[:_FILES_SHOWN])
        if (more := len(compared.files) - _FILES_SHOWN) > 0:
            yield Text(f"… {many(more, 'file')} more: --json", style="dim")
    if compared.diff:
        yield from diff_parts(compared.diff)


def _where_they_part(compared: Comparison) -> str:
    parting = compared.parting
    if parting is None:
        return "they have no moment in common; each is counted from its beginning"
    return f"they part at moment {parting.moment} of {parting.epic} ({sha(parting.commit)}); what each did is counted from there"


def _facts(epic: ComparedEpic) -> dict[str, str | Text]:
    return {
        "status": status_text(epic.status),
        "goal": clean(epic.goal, _WORDS_WIDTH),
        "forked from": f"{epic.forked_from} at {epic.forked_at}" if epic.forked_from else "",
        "step": str(epic.step),
        "executor": clean(epic.executor or "", 40),
        "model": clean(epic.model or "", 40),
        "cost": usd(epic.cost_usd),
        "in all": f"{usd(epic.total_usd)}, {count(epic.tokens.input)} tokens in, {count(epic.tokens.output)} out",
        "took": lasted(epic.created_at, epic.updated_at),
        "attempts": str(epic.attempts),
        "moments": str(epic.moments),
        "rollbacks": str(epic.rollbacks),
        "tests": tests_word(epic.tests),
        "review": review_word(epic.review),
        "failure": clean(f"{epic.failure.type}: {epic.failure.cause}" if epic.failure else "", _WORDS_WIDTH),
        "changed": size_of(epic.changes),
        "base": sha(epic.base),
        "head": sha(epic.head),
    }


def _steps(epic: ComparedEpic) -> dict[str, str]:
    return {str(tally.step): _step(tally) for tally in epic.steps}


def _step(tally: StepTally) -> str:
    times = f" ({tally.times} times{f', {tally.failed} failed' if tally.failed else ''})" if tally.times > 1 else ""
    cost = f", {usd(tally.cost_usd)}" if tally.cost_usd else ""
    return f"{tally.outcome}{times}{cost}"
