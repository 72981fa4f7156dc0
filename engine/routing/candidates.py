"""Who could do a part of a request: every agent that is found, and the epic as a whole, with what is known of each."""

from __future__ import annotations

from typing import Final

from engine.routing.matching import Candidate
from epics.asks import EPIC

EPIC_CANDIDATE: Final = Candidate(
    agent=EPIC,
    description="Changes the repository, all the way to a merge.",
    skills=(
        *("add", "build", "make", "create", "change", "fix", "implement", "support", "extend", "improve", "introduce", "repair", "remove"),
        *("delete", "enable", "disable", "replace", "upgrade", "migrate", "convert", "speed up", "optimise", "optimize", "port", "adapt"),
        *("fix failing tests", "fix a bug", "add a feature", "make it faster", "handle an error", "change the behaviour"),
    ),
)
"""It stands beside the agents, and is no agent."""


def skills_of(declared: tuple[str, ...] | None, description: str) -> tuple[str, ...]:
    """What an agent says that it can do; what says nothing is taken at its description."""
    return (description,) if declared is None else declared
