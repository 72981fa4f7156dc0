"""The table of output types that a workflow can name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from epics.verdicts import ChangeReport, DesignDraft, FailureInsight, Plan, PullRequestText, Review

OUTPUTS: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "plan": Plan,
        "design": DesignDraft,
        "change_report": ChangeReport,
        "review": Review,
        "pull_request": PullRequestText,
        "failure_insight": FailureInsight,
    }
)
"""`output = "plan"` in a workflow.toml means that its agent hands back a Plan."""
