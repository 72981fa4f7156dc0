"""What the replay of one epic stands on: the record, a mirror with its commits, and the configurations that were in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agents.registry import REPOSITORY, Registry
from config.repository import FILE
from engine.assembling import policy_at, registry_at
from engine.time_machine.recorded import Recorded, RecordedMoment
from epics.errors import InvalidInput
from epics.policy import Autonomy, RepositoryPolicy
from epics.state import EpicState
from epics.steps import Step
from graphs.epic import EpicGraph
from nodes.context import EpicFacts
from timemachine.mirrors import Mirror
from timemachine.packs import missing_commits
from tools.registry import ToolRegistry

_MOST_CONFIGURATIONS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a commit of the base branch says: `genie.toml`, and the workflows with those of this installation."""

    policy: RepositoryPolicy
    registry: Registry
    autonomy: Autonomy | None = None
    """What was chosen for the epic, if that is not what its row says."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """All that the replay of an epic needs."""

    recorded: Recorded
    mirror: Mirror
    graph: EpicGraph
    tools: ToolRegistry
    configurations: Mapping[str, Configuration]
    """By the commit of the base branch; the one that the epic began from comes first."""
    tip: str | None
    """Where the base branch was seen last."""
    scratch: Path
    """A folder for work trees of the replay's own."""
    environment: Mapping[str, str]
    verify: bool

    def facts(self, configuration: Configuration) -> EpicFacts:
        """What the nodes are told of the epic."""
        epic = self.recorded.epic
        facts: dict[str, Any] = {name: getattr(epic, name) for name in ("id", "goal", "repo", "base", "base_commit")}
        return EpicFacts(**facts, autonomy=configuration.autonomy or ("ask" if epic.autonomy == "ask" else "auto"))

    def initial(self) -> EpicState:
        """The state before the first step."""
        epic = self.recorded.epic
        return EpicState(step=Step.PLANNING, base=epic.base_commit, head=epic.base_commit)

    def state_of(self, n: int | None) -> EpicState | None:
        """The recorded state of a moment, or that before the first step; None where it is not recorded any more."""
        if not n:
            return self.initial()
        found = self.recorded.moment(n)
        return found.state if found else None

    def before(self, moment: RecordedMoment) -> int | None:
        """The moment that the step was made from; a person at a gate may choose to go on from another one's state."""
        return moment.n - 1 if moment.back_to is not None else moment.parent

    def fitting(self, moment: RecordedMoment, before: EpicState) -> tuple[Configuration, ...]:
        """The configurations that may have been in force at a moment, the likeliest first.

        Which commit of the base branch was the newest then is not recorded, but the hash of the workflow that was run is.
        """
        likeliest = self.configurations.get(before.base)
        ordered = ([likeliest] if likeliest else []) + [each for each in self.configurations.values() if each is not likeliest]
        attempt = self.recorded.attempts.get(moment.attempt or 0)
        if attempt is not None:
            ordered = [each for each in ordered if _hash_of(each, attempt.workflow) == attempt.workflow_hash] or ordered[:1]
        if moment.n <= (self.recorded.epic.forked_at or 0):
            # Made by the epic that this one was forked from, which may have been asked at other failures than this one is.
            other: Autonomy = "auto" if self.recorded.epic.autonomy == "ask" else "ask"
            ordered += [replace(each, autonomy=other) for each in ordered]
        return tuple(ordered)


async def read_configurations(mirror: Mirror, recorded: Recorded, agents_dir: Path | None) -> dict[str, Configuration]:
    """What was, or may have been, in force while the epic ran: at each base it stood on, and wherever the base branch changed it since."""
    epic = recorded.epic
    bases = [epic.base_commit, *(moment.state.base for moment in recorded.moments if moment.state)]
    tip = await mirror.cached_base(epic.base)
    if tip is not None:
        arguments = (f"--max-count={_MOST_CONFIGURATIONS}", tip, f"^{epic.base_commit}", "--", FILE, str(REPOSITORY))
        bases += (await mirror.git.run("rev-list", *arguments)).split()
        bases.append(tip)
    found: dict[str, Configuration] = {}
    seen: dict[Any, Configuration] = {}
    wanted = list(dict.fromkeys(base for base in bases if base))
    missing = frozenset(await missing_commits(mirror, wanted))
    for commit in wanted:
        if commit in missing:
            continue
        try:
            made = Configuration(policy=await policy_at(mirror, commit), registry=await registry_at(mirror, commit, agents_dir))
        except InvalidInput:
            # A `genie.toml` that could not be used was in force for no step.
            continue
        hashes = tuple((name, workflow.content_hash) for name, workflow in made.registry.workflows.items())
        found[commit] = seen.setdefault((made.policy.model_dump_json(), hashes, made.registry.broken), made)
    if not found:
        # As an epic without any: the defaults, and Genie's own workflows.
        found[epic.base_commit] = Configuration(policy=RepositoryPolicy(), registry=Registry.discover(agents_dir=agents_dir))
    return found


def _hash_of(configuration: Configuration, name: str) -> str:
    workflow = configuration.registry.workflows.get(name)
    return workflow.content_hash if workflow is not None else ""
