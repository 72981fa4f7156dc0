"""Starting the run of an agent written in Python: on a repository or on none, in a conversation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from agents.catalog import agent_named
from agents.python_agent import PythonAgent
from db.connection import Connection
from db.epics import Within, fetch_one
from engine.assembling import Installation
from engine.runs.agent_work import SCRIPTED, executor_for, seen
from engine.runs.inputs import checked_given
from engine.runs.inserting import insert_run
from engine.runs.orders import StartRun
from engine.sessions.joining import join
from engine.starting import models_in
from epics.callers import current_caller
from epics.errors import InvalidInput, RepositoryUnusable
from epics.policy import RepositoryPolicy
from epics.roles import Deed
from epics.state import GRAPH_VERSION
from timemachine.mirrors import Mirror
from timemachine.revisions import resolve_revision

NOWHERE: Final = ""
"""What stands for the repository of a run that is on none: only grants on everything cover it (docs/decisions/0020)."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The repository that an agent is to be run on."""

    mirror: Mirror
    repo: str
    base: str
    commit: str
    policy: RepositoryPolicy


async def start_alone(installation: Installation, asked: StartRun, task: str, *, within: Within | None) -> str:
    """Start an agent on no repository; see `start_run`."""
    current_caller().check(Deed.RUN, NOWHERE)
    found = await asyncio.to_thread(agent_named, asked.workflow, installation.agents_dir)
    if not isinstance(found, PythonAgent):
        raise InvalidInput(f"the workflow {asked.workflow} is run on a repository: give --repo")
    if found.made_by.needs_repository:
        raise InvalidInput(f"the agent {asked.workflow} is run on a repository: give --repo")
    for option, value in (("--base", asked.base), ("--at", asked.at)):
        if value is not None:
            raise InvalidInput(f"{option} is of a repository, and there is none: give --repo, or leave it out")
    return await start_agent(installation, found, asked, task, None, within=within)


async def start_agent(
    installation: Installation, agent: PythonAgent, asked: StartRun, task: str, place: Place | None, *, within: Within | None
) -> str:
    """Check what is asked of an agent, make the run's row, and return its id.

    Raises:
        InvalidInput: if the message, a variable, the executor or the model cannot be used, or the session is another agent's.
        SessionNotFound: if there is none of that id.
        SessionBusy: if a run of it has not ended.
        RepositoryUnusable: if the revision cannot be read.
    """
    if not task:
        raise InvalidInput(f"the agent {agent.name} needs something to be said to it: give --message TEXT")
    models, policy = models_in(asked.model), place.policy if place is not None else RepositoryPolicy()
    _check_executor(agent, asked.executor)
    executor = executor_for(installation, policy, agent, asked.executor or asked.executor_set)
    executor.check_models(policy.models_for(agent.name, asked=models, own=agent.made_by.models))
    revision, start = await _start(installation, agent, asked, place)
    order = {
        "kind": "agent",
        "workflow": agent.name,
        "task": task,
        "variables": checked_given(asked.variables),
        "revision": revision,
        "start_commit": start,
    }
    values: dict[str, Any] = {
        "goal": task,
        "repo": place.repo if place is not None else NOWHERE,
        "base": place.base if place is not None else "",
        "base_commit": place.commit if place is not None else "",
        "budget_usd": asked.budget_usd,
        "executor": executor.name,
        "model": ",".join(models) or None,
        "autonomy": "ask",
        "auto_approve": False,
        "labels": dict(asked.labels),
        "graph_version": GRAPH_VERSION,
    }

    async def beside(connection: Connection, run_id: str) -> None:
        await join(connection, run_id, seen(agent), session=asked.session, repo=values["repo"])
        if within is not None:
            await within(connection, run_id)

    return await insert_run(installation, values, order, hinted=asked.detached, within=beside)


def _check_executor(agent: PythonAgent, asked: str | None) -> None:
    own = agent.made_by.executors
    if asked is not None and asked not in {*own, SCRIPTED}:
        raise InvalidInput(f"the agent {agent.name} is not run by {asked!r}, but by {' or '.join(own)}: its `executors` say so")


async def _start(installation: Installation, agent: PythonAgent, asked: StartRun, place: Place | None) -> tuple[str | None, str]:
    """Where the work begins: as it was named and as a commit; in a conversation, where its last run left it."""
    if place is None:
        return None, ""
    if asked.at is not None:
        return asked.at, await resolve_revision(place.mirror, asked.at)
    if asked.session is not None:
        given = {"session": asked.session, "agent": agent.name, "repo": place.repo}
        row = await fetch_one(installation.database.pool, "work_before", given)
        if row is not None:
            try:
                return str(row["branch"]), await resolve_revision(place.mirror, row["branch"])
            except RepositoryUnusable:
                # Merged and removed, most likely: then the base branch has it.
                return None, place.commit
    return None, place.commit
