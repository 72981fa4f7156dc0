"""States that an older release wrote, brought to the form of this one: pure functions, one for each version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from epics.errors import EpicStrange
from epics.state import GRAPH_VERSION
from epics.steps import Step

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of a state of one version, as JSON, to those of the next."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What one release of Genie can carry on: its graph, the fields of its state, and what older ones it can bring up to them."""

    graph: int
    oldest_graph: int
    """The oldest graph whose epics go on in this one as they are."""
    state: int
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    """By the version that each takes."""
    steps: frozenset[str] = frozenset(Step)

    @property
    def oldest_state(self) -> int:
        """The oldest version of the state from which an unbroken row of upgrades leads here."""
        version = self.state
        while version - 1 in self.upgrades:
            version -= 1
        return version

    def upgraded(self, values: Mapping[str, Any], version: int) -> dict[str, Any]:
        """The fields of a state, as JSON, in the form of this release.

        Raises:
            EpicStrange: if the state is newer than this release, or older than its oldest upgrade.
        """
        if not self.oldest_state <= version <= self.state:
            message = f"the state has version {version}, and this Genie reads {self.oldest_state} to {self.state}"
            raise EpicStrange(message)
        fields = dict(values)
        for before in range(version, self.state):
            fields = self.upgrades[before](fields)
        return fields


def _before_the_time_machine(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 2 has more fields, each with a default that is right for what was before it."""
    return fields


THIS_RELEASE: Final = Release(graph=GRAPH_VERSION, oldest_graph=1, state=2, upgrades={1: _before_the_time_machine})
"""When a checkpointed type changes, `state` goes up by one, and `upgrades` gets the function from the version before (CONTRIBUTING.md)."""
