"""What a person asks for when a workflow is to be run without an epic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class StartRun:
    """One workflow on a repository."""

    workflow: str
    repo: str
    task: str = ""
    """What is to be done; a workflow about a change that is there does without."""
    base: str | None = None
    """The branch that counts as the base; the repository's HEAD if None."""
    at: str | None = None
    """The revision that the work tree starts from; the base branch's newest commit if None."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values for the variables of the prompt."""
    budget_usd: Decimal | None = None
    executor: str | None = None
    model: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    session: str | None = None
    """The conversation that it goes on, of an agent written in Python: an id, or a name under which one begins; a new one if None."""
    detached: bool = True
    """Leave it to the workers; False if the process that asks will run it itself."""


def with_run_defaults(asked: StartRun, settings: Settings) -> StartRun:
    """What a person asks for, and for what was left out what this installation is set to."""
    return replace(
        asked,
        budget_usd=asked.budget_usd if asked.budget_usd is not None else settings.budget_usd,
        executor=asked.executor or settings.executor,
        model=asked.model or settings.model,
    )
