"""What is written on a container: whose it is, so that no other Genie's and nobody else's is ever touched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias, get_args

OURS: Final = "genie=1"
"""The label that all of Genie's containers have, as docker filters by it."""

Work: TypeAlias = Literal["agent", "setup", "tests"]
"""What is done in a container: an agent's, or a command that Genie itself has run for the attempt."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of one container.

    They are written once: which epoch owns an attempt *now* is read from its epic's lease.
    """

    database: str
    epic: str
    attempt: int
    epoch: int
    home: str
    """The home of Genie in which the attempt's work tree is: only workers with the same one can take the container over."""
    deadline: float
    """When it ends by itself, as a time of the host's clock."""
    memory_mb: int
    work: Work = "agent"

    @property
    def name(self) -> str:
        """The container's name: one attempt of one home has one container for its agent and one for commands, which the daemon sees to."""
        return container_name(self.database, self.epic, self.attempt, Path(self.home), work=self.work)

    def as_docker(self) -> dict[str, str]:
        """The labels as docker has them."""
        return {
            "genie": "1",
            "genie.database": self.database,
            "genie.epic": self.epic,
            "genie.attempt": str(self.attempt),
            "genie.epoch": str(self.epoch),
            "genie.home": self.home,
            "genie.deadline": f"{self.deadline:.3f}",
            "genie.memory_mb": str(self.memory_mb),
            "genie.work": self.work,
        }

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Self | None:
        """Read the labels of a container; None where it is not one of Genie's."""
        works = [work for work in get_args(Work) if work == labels.get("genie.work", "agent")]
        try:
            return cls(
                work=works[0],
                database=labels["genie.database"],
                epic=labels["genie.epic"],
                attempt=int(labels["genie.attempt"]),
                epoch=int(labels["genie.epoch"]),
                home=labels["genie.home"],
                deadline=float(labels["genie.deadline"]),
                memory_mb=int(labels["genie.memory_mb"]),
            )
        except (LookupError, ValueError):
            return None


def container_name(database: str, epic: str, attempt: int, home: Path, *, work: Work = "agent") -> str:
    """The name of the container of an attempt's agent, or of its commands."""
    commands = "" if work == "agent" else "-commands"
    return f"genie-{epic}-{attempt}{commands}-{_short(f'{database} {home.resolve()}')}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
