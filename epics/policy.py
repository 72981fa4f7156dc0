"""What a repository asks of Genie: the content of its `genie.toml`, as nodes and the engine use it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from epics.approval_terms import Terms
from epics.records import Record
from epics.steps import Step

Autonomy = Literal["auto", "ask"]
"""After a failed attempt: make the next one while attempts are left, or ask a person every time."""

MergeMethod = Literal["ff", "merge"]
"""Fast-forward where it is possible, or always a merge commit."""

DEFAULT_EXECUTOR: Final = "in_process"
DEFAULT_AUTONOMY: Final[Autonomy] = "auto"

OWN_CONFIGURATION: Final = (".genie/**", "genie.toml", ".claude/**", ".mcp.json", ".git/**")
"""Globs of what steers Genie and its agents: no attempt may change them, or it could widen its own powers."""


class RepositoryPolicy(Record):
    """The work settings of one repository, read from its base branch; a repository without `genie.toml` has the defaults."""

    test_command: str | None = Field(default=None, description="The one judge of tests, run by a shell; None means detected.")
    test_timeout_s: float = Field(default=1_800.0, gt=0)
    setup_command: str | None = Field(default=None, description="Run by a shell in a new work tree, before anything else.")
    setup_timeout_s: float = Field(default=900.0, gt=0)
    links: tuple[str, ...] = Field(default=(), description="Paths that a work tree borrows from the user's checkout.")
    copies: tuple[str, ...] = Field(default=(), description="Paths that a work tree gets a copy of from the user's checkout.")
    values: dict[str, str] = Field(
        default_factory=dict, description="What each attempt has of its own, by variable: `port`, or `name:` and a prefix."
    )
    attempts: int = Field(default=3, ge=1, description="Attempts of one step before a person is asked.")
    fix_rounds: int = Field(default=3, ge=0, description="How often fix or refactor may be entered before a person is asked.")
    architect_rounds: int = Field(default=3, ge=0, description="How often a person may send the plan back.")
    merge_method: MergeMethod = "ff"
    autonomy: Autonomy | None = Field(default=None, description="None: not said here.")
    executor: str | None = Field(default=None, description="None: not said here.")
    model: tuple[str, ...] = Field(default=(), description="For every workflow: the first choice, then the fallbacks.")
    models: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="By the name of a workflow, before `model`.")
    memory_enabled: bool = Field(default=True, description="Whether briefs tell what earlier work taught.")
    memory_tokens: int | None = Field(default=None, ge=0, description="How much of it at most; None: not said here.")
    approvals: dict[Step, Terms] = Field(default_factory=dict, description="Who approves what, by the gate; a gate left out has no terms.")

    def models_for(self, workflow: str, *, asked: tuple[str, ...] = (), own: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Choose the models of one attempt.

        `asked` is what a flag or the environment says and wins over all; then `[models]` of this file, then the workflow's
        `own`, then `model` of this file. Empty if nobody chose.
        """
        return asked or self.models.get(workflow, ()) or own or self.model

    def executor_for(self, *, asked: str | None = None, own: str | None = None) -> str:
        """Choose the executor of one attempt: flag or environment, then the workflow's own, then this file, then the default."""
        return asked or own or self.executor or DEFAULT_EXECUTOR

    def autonomy_for(self, *, asked: Autonomy | None = None) -> Autonomy:
        """Choose what happens after a failure: flag or environment, then this file, then the default."""
        return asked or self.autonomy or DEFAULT_AUTONOMY
