"""Leaving an agent out for a while that keeps failing, and trying it again with one run: shared by all workers, by its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agents.registry import REPOSITORY, Registry
from db.breakers import Breaking, broken_agents, note_agent, pass_breaker
from db.connection import Connection, Pool
from db.epics import Row, Within
from db.fence import fenced
from db.leases import Lease
from engine.readable import readable_patterns
from epics.agent_errors import AgentUnavailable
from epics.errors import Environment, GenieError, ModelUnavailable

_AGENTS_FAULT: Final = frozenset({"error", "timeout", "turns", "no_output"})
"""Ends of an attempt that say something about its agent; a limit of money, or bounds that were left, do not."""


class AgentLeftOut(AgentUnavailable):
    """An agent is left out for some seconds more."""

    def __init__(self, agent: str, seconds: float, problem: str = "") -> None:
        """Say which, for how long, and what it failed with."""
        why = f", the last time with: {problem[:300]}" if problem else ""
        super().__init__(
            f"the agent {agent} kept failing{why}; it is tried again in {max(seconds, 1):.0f} s, or after: genie agent reset {agent}"
        )
        self.agent, self.seconds = agent, seconds


def breaker_of(registry: Registry, agent: str, repo: str) -> str:
    """Whose failures count together: a repository's own workflow is not that of another repository with the same name."""
    workflow = registry.workflows.get(agent)
    return f"{agent}@{repo}" if workflow is not None and workflow.folder.is_relative_to(REPOSITORY) else agent


def left_out(rows: Sequence[Row]) -> Mapping[str, str]:
    """Why agents are left out now, by their name; one that may be tried again is not among them."""
    return {row["agent"]: str(AgentLeftOut(row["agent"], row["wait_s"], _told(row["problem"]))) for row in rows if row["wait_s"] > 0}


async def admit(pool: Pool, agent: str, run_id: str) -> None:
    """Let a run have its agent; where the agent was left out, one run tries it again.

    Raises:
        AgentLeftOut: if it is left out still, or another run tries it at the moment.
    """
    if (seconds := await pass_breaker(pool, agent, run_id)) > 0:
        raise AgentLeftOut(agent, seconds)


async def check_in_use(pool: Pool, agent: str) -> None:
    """Refuse what is to be started with an agent that is left out at the moment.

    Raises:
        AgentLeftOut: if it is.
    """
    for row in await broken_agents(pool):
        if row["agent"] == agent and row["wait_s"] > 0:
            raise AgentLeftOut(agent, row["wait_s"], _told(row["problem"]))


def _told(problem: str) -> str:
    """What an agent failed with, for a caller who may read all: it may have been on anybody's repository."""
    return problem if readable_patterns() is None else ""


def telling(breaking: Breaking, ended_by: str, problem: str) -> Within:
    """What is written about its agent in the transaction that ends a run."""

    async def tell(connection: Connection, run_id: str) -> None:
        await note_agent(connection, run_id, breaking, worked=verdict_of(ended_by), problem=problem)

    return tell


def verdict_of(ended_by: str) -> bool | None:
    """What the end of an attempt says about its agent: that it works, that it failed, or nothing."""
    return True if ended_by == "done" else False if ended_by in _AGENTS_FAULT else None


def blames_agent(error: Exception) -> bool:
    """Whether what stopped a run is a failure of its agent, or of what that needs: no repository's, and no database's."""
    return isinstance(error, Environment | ModelUnavailable) or not isinstance(error, GenieError)


async def note_trouble(pool: Pool, lease: Lease, breaking: Breaking, error: Exception) -> None:
    """Keep that what stopped a run was its agent's failure, or that the run says nothing."""
    worked = False if blames_agent(error) else None
    async with fenced(pool, lease) as connection:
        await note_agent(connection, lease.thread_id, breaking, worked=worked, problem=pool.clean(str(error)))
