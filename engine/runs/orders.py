"""What a person asks for when a workflow, or an agent written in Python, is to be run without an epic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class StartRun:
    """One workflow on a repository, or one agent, which may do without."""

    workflow: str
    """The name of either."""
    repo: str = ""
    """Empty for none."""
    task: str = ""
    """What is to be done, or what is said to an agent; a workflow about a change that is there does without."""
    session: str | None = None
    """The conversation that an agent's run goes on with: its id, the beginning of that, or a name; a new one if None."""
    base: str | None = None
    """The branch that counts as the base; the repository's HEAD if None."""
    at: str | None = None
    """The revision that the work tree starts from; the base branch's newest commit if None."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values for the variables of the prompt."""
    budget_usd: Decimal | None = None
    executor: str | None = None
    executor_set: str | None = None
    """What the installation is set to: for all that it can run, while one that is asked for is taken or refused."""
    model: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    detached: bool = True
    """Leave it to the workers; False if the process that asks will run it itself."""


def with_run_defaults(asked: StartRun, settings: Settings) -> StartRun:
    """What a person asks for, and for what was left out what this installation is set to."""
    return replace(
        asked,
        budget_usd=asked.budget_usd if asked.budget_usd is not None else settings.budget_usd,
        executor_set=settings.executor,
        model=asked.model or settings.model,
    )
