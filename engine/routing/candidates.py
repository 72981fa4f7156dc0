"""Who could do a part of a request: every agent that is found, and the epic as a whole, with what is known of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from agents.catalog import Catalog
from agents.registry import Registry
from agents.workflow import Workflow
from db.asks import agents_seen
from db.breakers import broken_agents
from engine.assembling import Installation, catalog_at, policy_at
from engine.breaker import breaker_of, left_out
from engine.routing.matching import Candidate
from engine.starting import check_choice
from epics.asks import EPIC
from epics.errors import Environment, GenieError
from epics.policy import RepositoryPolicy
from executors.port import NeedsThisHost
from timemachine.repositories import inspect_repository
from timemachine.workspace import open_workspace

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

_NO_REPOSITORY: Final = "it works on a repository, and none was named"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where a request is to be done: the repository, if there is one, and what can be run there."""

    catalog: Catalog
    repo: str = ""
    base: str | None = None
    policy: RepositoryPolicy = field(default_factory=RepositoryPolicy)

    @property
    def names(self) -> tuple[str, ...]:
        """Who there is at all."""
        return (EPIC, *self.catalog.names)


async def scene_of(installation: Installation, repo: str | None, base: str | None) -> Scene:
    """Look at where a request is to be done.

    Raises:
        RepositoryUnusable: if the repository or its base branch cannot be read.
        InvalidSettings: if its `genie.toml` cannot be used.
    """
    if repo is None:
        return Scene(catalog=await asyncio.to_thread(Catalog.discover, agents_dir=installation.agents_dir))
    facts = await inspect_repository(repo, base, installation.git_environment)
    workspace = await open_workspace(installation.home, facts.location, installation.git_environment)
    commit = await workspace.mirror.fetch_base(facts.base)
    catalog, policy = await catalog_at(workspace.mirror, commit, installation.agents_dir), await policy_at(workspace.mirror, commit)
    return Scene(catalog=catalog, repo=facts.location, base=facts.base, policy=policy)


async def candidates_for(installation: Installation, scene: Scene, executor: str | None, models: tuple[str, ...]) -> tuple[Candidate, ...]:
    """All who could do something there, with what is known of each; who offers nothing is left out.

    Args:
        installation: where it would be done.
        scene: of the request.
        executor: the one that was asked for, if any.
        models: those that were asked for.
    """
    pool = installation.database.pool
    seen, out = await agents_seen(pool, scene.repo), left_out(await broken_agents(pool))
    able = await asyncio.to_thread(_Able(installation, scene, executor, models).whys)

    def why_not(candidate: Candidate) -> str:
        breaker = breaker_of(scene.catalog.registry, candidate.agent, scene.repo)
        return candidate.unavailable or out.get(breaker) or able.get(candidate.agent, "")

    found = [*offered(scene.catalog), EPIC_CANDIDATE, *_broken(scene.catalog)]
    return tuple(_known(each, seen, why_not(each)) for each in found)


def offered(catalog: Catalog) -> list[Candidate]:
    """The agents that requests may go to, by what they say of themselves."""
    workflows = [(each.name, each.description, _skills(each)) for each in catalog.registry.workflows.values()]
    classes = {agent.name: agent.made_by for agent in catalog.agents.values()}
    agents = [(name, made_by.description, made_by.skills or (made_by.description,)) for name, made_by in classes.items()]
    return [Candidate(agent=name, description=text, skills=skills) for name, text, skills in [*workflows, *agents] if skills]


def _skills(workflow: Workflow) -> tuple[str, ...]:
    """What says nothing is taken at its description."""
    return (workflow.description,) if workflow.skills is None else workflow.skills


def _broken(catalog: Catalog) -> list[Candidate]:
    errors = [(each.name, each.error) for each in catalog.registry.broken] + [(each.name, each.error) for each in catalog.broken]
    return [Candidate(agent=name, description="", skills=(), unavailable=f"it is broken: {error}") for name, error in errors]


def _known(candidate: Candidate, seen: Mapping[str, Mapping[str, int]], unavailable: str) -> Candidate:
    facts = seen.get(candidate.agent, {})
    return replace(candidate, done=facts.get("done", 0), failed=facts.get("failed", 0), load=facts.get("busy", 0), unavailable=unavailable)


@dataclass(frozen=True)
class _Able:
    """Finds out whom nothing here could run; executors are imported for it, which takes seconds."""

    installation: Installation
    scene: Scene
    executor: str | None
    models: tuple[str, ...]

    def whys(self) -> dict[str, str]:
        """Why not, by the agent."""
        registry, policy = self.scene.catalog.registry, self.scene.policy
        found = {EPIC: self._why_no_epic(registry)}
        for workflow in registry.workflows.values():
            name = policy.executor_for(asked=self.executor, own=workflow.executor)
            models = policy.models_for(workflow.name, asked=self.models, own=workflow.models)
            found[workflow.name] = self._why_not(name, models) if self.scene.repo else _NO_REPOSITORY
        for agent in self.scene.catalog.agents.values():
            kinds = [*agent.made_by.executors, *([self.executor] if self.executor else [])]
            models = self.models or agent.made_by.models or policy.model
            whys = [self._why_not(name, models) for name in kinds]
            needs_one = agent.made_by.needs_repository and not self.scene.repo
            found[agent.name] = _NO_REPOSITORY if needs_one else ("" if "" in whys else whys[0])
        return found

    def _why_no_epic(self, registry: Registry) -> str:
        if not self.scene.repo:
            return _NO_REPOSITORY
        try:
            check_choice(self.installation, self.scene.policy, registry, self.executor, self.models)
        except GenieError as error:
            return str(error)
        return ""

    def _why_not(self, name: str, models: tuple[str, ...]) -> str:
        executor = self.installation.executors.get(name)
        if executor is None:
            return f"there is no executor {name!r} here"
        try:
            executor.check_models(models)
            if isinstance(executor, NeedsThisHost):
                executor.check_host()
        except (GenieError, Environment) as error:
            return str(error)
        return ""
