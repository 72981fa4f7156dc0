"""What the faces show of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from engine.views import Money, Tokens
from epics.records import Record
from epics.runs import RunStatus
from epics.verdicts import TestReport


class RunView(Record):
    """One workflow, or one agent written in Python, run without an epic, as its rows say."""

    id: str
    kind: Literal["workflow", "agent"] = "workflow"
    workflow: str = Field(description="The name of either.")
    session: str | None = Field(default=None, description="The conversation that it is a part of; null for a workflow.")
    task: str = Field(description="What was to be done; where none was given, what the workflow was told instead.")
    repo: str = Field(description="Empty for an agent on no repository, as are base and start_commit.")
    base: str
    revision: str | None = Field(description="What it was asked to start from; null for the newest commit of the base branch.")
    start_commit: str = Field(description="The commit that this was.")
    status: RunStatus
    ended_by: str | None = Field(description="done turns budget timeout error out_of_bounds; null while the agent works, or if none did.")
    error: str = Field(description="Why it failed or was cancelled, or what it waits for; empty if there is nothing to say.")
    output: dict[str, Any] | None = Field(description="What the agent handed back, of the type that the workflow names.")
    branch: str | None
    commit: str | None
    files_changed: tuple[str, ...]
    violations: tuple[str, ...] = Field(description="Those of the files that it was not allowed to change.")
    unpublished: str = Field(description="Why the branch is not in the repository, if it should be.")
    tests: TestReport | None = Field(description="What the repository's tests said, of the workflow test.")
    turns: int
    cost_usd: Money
    reserved_usd: Money = Field(description="Held for calls whose price is not known; limits count it.")
    budget_usd: Money | None
    tokens: Tokens
    executor: str | None
    model: str | None
    labels: dict[str, str]
    queue_place: int | None = Field(description="How many go before it, and itself; only while it is queued.")
    retry_at: datetime | None = Field(description="Until when it is put off, because of what waiting can cure.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
