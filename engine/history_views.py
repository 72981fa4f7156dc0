"""What the faces show of an epic's past: costs, and what changed between two moments."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.views import Money
from epics.records import Record
from epics.steps import Step


class CostLine(Record):
    """What one attempt paid to one model."""

    attempt: int
    step: Step
    workflow: str
    model: str
    cost_usd: Money
    reserved_usd: Money = Field(description="Held for calls whose price is not known: in flight, or cut off by a crash.")
    calls: int = Field(description="Calls that were answered.")
    open_calls: int = Field(description="Calls whose price is not known.")
    input_tokens: int = Field(description="All that was sent, what the provider had cached too.")
    cached_tokens: int = Field(description="The part of it that the provider had cached.")
    output_tokens: int


class CostsView(Record):
    """What an epic cost, and where."""

    epic: str
    cost_usd: Money
    reserved_usd: Money
    budget_usd: Money | None
    lines: tuple[CostLine, ...]


class FileStat(Record):
    """How many lines of a file came and went; null where it is binary."""

    path: str
    added: int | None
    removed: int | None


class StateChange(Record):
    """A field of an epic's state that differs between two moments, as JSON."""

    field: str
    before: Any = None
    after: Any = None


class DiffView(Record):
    """What changed between two moments of an epic; moment 0 is where it began."""

    epic: str
    from_moment: int
    to_moment: int
    from_commit: str
    to_commit: str
    state: tuple[StateChange, ...] | None = Field(
        default=None, description="Null where one of the two was pruned, or another release wrote it."
    )
    files: tuple[FileStat, ...]
    diff: str
    cut: bool = Field(description="Whether the diff was longer than what is shown.")


class ToolCall(Record):
    """A tool that an agent called."""

    name: str
    args: Any = None


class ToolResult(Record):
    """What a tool gave."""

    name: str
    content: Any = None


class TurnView(Record):
    """One turn of an attempt: what was said, which tools were called, what they gave."""

    n: int
    model: str
    answer_text: str
    tool_calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    tree: str | None = Field(description="The commit that holds the files after it, where they changed.")
