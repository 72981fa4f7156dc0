"""The run of an agent written in Python that this process holds, and all that it stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.catalog import agent_named
from agents.python_agent import PythonAgent
from db.epics import Row
from db.leases import Lease
from db.sessions import SeenAgent
from engine.assembling import Installation
from engine.knowledge.of_project import ProjectKnowledge
from engine.mcp.starting import ServerGround
from engine.sessions.conversation import Conversation
from epics.agent_errors import AgentUnavailable
from epics.errors import InvalidInput, WorkflowNotFound
from epics.knowledge import Source, own_project
from epics.policy import RepositoryPolicy
from executors.port import Executor, Owner

RUN: Final = "run"
"""What stands for the graph's task of the attempt that is the run itself (durability rule 15)."""


SCRIPTED: Final = "scripted"
"""The executor that plays a script, for any agent: it is there in tests and demonstrations alone."""


@dataclass(frozen=True, kw_only=True)
class AgentWork:
    """One run of an agent under its lease."""

    installation: Installation
    lease: Lease
    facts: Row
    """The row of the run in `epics`."""
    order: Row
    agent: PythonAgent
    executor: Executor
    models: tuple[str, ...]
    conversation: Conversation
    knowledge: ProjectKnowledge
    owner: Owner

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.lease.thread_id

    @property
    def server_ground(self) -> ServerGround:
        """What the MCP servers of its questions stand on."""
        installation = self.installation
        return ServerGround(
            pool=installation.database.pool,
            lease=self.lease,
            project=str(self.facts["repo"] or ""),
            database=self.owner.database,
            environment=installation.environment,
            variables=installation.mcp_variables,
        )

    @property
    def given(self) -> Mapping[str, Any]:
        """What was given for variables."""
        variables: Mapping[str, Any] = self.order["variables"]
        return variables


async def agent_of(installation: Installation, name: str) -> PythonAgent:
    """The agent of a run, as its code is now.

    Raises:
        AgentUnavailable: if it is not on this machine, or is broken; another one may have it, or it is put right.
    """
    try:
        found = await asyncio.to_thread(agent_named, name, installation.agents_dir)
    except (InvalidInput, WorkflowNotFound) as error:
        raise AgentUnavailable(f"the agent {name} cannot be run here: {error}") from error
    if not isinstance(found, PythonAgent):
        raise AgentUnavailable(f"{name} is a workflow on this machine, and an agent where the run was started")
    return found


def seen(agent: PythonAgent) -> SeenAgent:
    """What is kept of an agent as it is run."""
    return SeenAgent(name=agent.name, kind="python", description=agent.made_by.description, content_hash=agent.content_hash)


def executor_for(installation: Installation, policy: RepositoryPolicy, agent: PythonAgent, asked: str | None) -> Executor:
    """The executor that answers for an agent: the one that is asked for where it is one of its own, else its first; a script for tests.

    Raises:
        InvalidInput: if this process has none of that name.
    """
    wanted, own = policy.executor_for(asked=asked, own=None), agent.made_by.executors
    name = wanted if wanted in {*own, SCRIPTED} else own[0]
    executor = installation.executors.get(name)
    if executor is None:
        raise InvalidInput(f"there is no executor {name!r}; there are {', '.join(sorted(installation.executors))}")
    return executor


def project_of(facts: Mapping[str, Any]) -> str:
    """The project whose knowledge a run reads and adds to: its repository, or what belongs to the person who asked."""
    return str(facts["repo"] or own_project(str(facts["requested_by"])))


def source_of(run_id: str, facts: Mapping[str, Any]) -> Source:
    """Where what a run tells comes from."""
    return Source(kind="run", id=run_id, by=str(facts["requested_by"] or "")[:200])
