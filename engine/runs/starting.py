"""Starting a run: everything that can be wrong is found before its row is there."""

from __future__ import annotations

from typing import Any

from agents.python_agent import PythonAgent
from agents.workflow import Workflow
from db.epics import Within
from engine.assembling import Installation, catalog_at, policy_at
from engine.breaker import breaker_of, check_in_use
from engine.reading_repository import ReadRepository
from engine.runs.agent_starting import Place, start_agent, start_alone
from engine.runs.briefing import Ground, check_brief, run_variables, task_for
from engine.runs.inputs import MOST_GIVEN, checked_variables
from engine.runs.inserting import insert_run
from engine.runs.orders import StartRun
from engine.starting import check_budget, checked_goal, models_in
from epics.callers import current_caller
from epics.errors import InvalidInput
from epics.policy import RepositoryPolicy
from epics.roles import Deed
from epics.state import GRAPH_VERSION
from timemachine.repositories import inspect_repository
from timemachine.revisions import resolve_revision
from timemachine.workspace import open_workspace


async def start_run(installation: Installation, asked: StartRun, *, within: Within | None = None) -> str:
    """Check what is asked, make the run's row, and return its id.

    Args:
        installation: where it is started.
        asked: what a person asks for.
        within: what else is written in the transaction that makes the run.

    Raises:
        InvalidInput: if the task, a variable, a limit, the executor or the model cannot be used.
        InvalidAgent: if it is an agent, and broken.
        InvalidWorkflow: if the workflow is broken.
        RepositoryUnusable: if the repository, its base branch or the revision cannot be read.
        WorkflowNotFound: if there is none of that name.
        Forbidden: if the caller may run nothing on the repository.
        AgentUnavailable: if it kept failing, and is left out for a while.
    """
    task = checked_goal(asked.task, what="task") if asked.task.strip() else ""
    check_budget(asked.budget_usd)
    if not asked.repo:
        await check_in_use(installation.database.pool, asked.workflow)
        return await start_alone(installation, asked, task, within=within)
    facts = await inspect_repository(asked.repo, asked.base, installation.git_environment)
    # Where it really is: the name that was given may be that of a link.
    current_caller().check(Deed.RUN, facts.location)
    workspace = await open_workspace(installation.home, facts.location, installation.git_environment)
    commit = await workspace.mirror.fetch_base(facts.base)
    catalog = await catalog_at(workspace.mirror, commit, installation.agents_dir)
    workflow, models = catalog.get(asked.workflow), models_in(asked.model)
    await check_in_use(installation.database.pool, breaker_of(catalog.registry, asked.workflow, facts.location))
    policy = await policy_at(workspace.mirror, commit)
    if isinstance(workflow, PythonAgent):
        place = Place(mirror=workspace.mirror, repo=facts.location, base=facts.base, commit=commit, policy=policy)
        return await start_agent(installation, workflow, asked, task, place, within=within)
    if asked.session is not None:
        raise InvalidInput(f"{workflow.name} is a workflow and has no conversations: leave --session out")
    executor = asked.executor or asked.executor_set
    _check_choice(installation, policy, workflow, executor, models)
    start = commit if asked.at is None else await resolve_revision(workspace.mirror, asked.at)
    repository = ReadRepository(workspace.mirror, catalog.registry)
    ground = Ground(mirror=workspace.mirror, repository=repository, base=facts.base, base_commit=commit, start=start)
    order = await _order(workflow, task, asked, ground)
    values: dict[str, Any] = {
        "goal": order["task"] or f"Run the workflow {workflow.name}",
        "repo": facts.location,
        "base": facts.base,
        "base_commit": commit,
        "budget_usd": asked.budget_usd,
        "executor": executor,
        "model": ",".join(models) or None,
        "autonomy": "ask",
        "auto_approve": False,
        "labels": dict(asked.labels),
        "graph_version": GRAPH_VERSION,
    }
    return await insert_run(installation, values, order, hinted=asked.detached, within=within)


async def _order(workflow: Workflow, task: str, asked: StartRun, ground: Ground) -> dict[str, Any]:
    """What is kept of it for the worker, after a brief was made of it once."""
    variables = checked_variables(workflow, asked.variables)
    if (size := sum(len(str(value)) for value in variables.values())) > MOST_GIVEN:
        raise InvalidInput(f"the variables have {size:,} characters; at most {MOST_GIVEN:,} fit: put what is long into the repository")
    task = await task_for(workflow, task, ground)
    check_brief(workflow, await run_variables(workflow, task, variables, ground), variables)
    return {"workflow": workflow.name, "task": task, "variables": variables, "revision": asked.at, "start_commit": ground.start}


def _check_choice(
    installation: Installation, policy: RepositoryPolicy, workflow: Workflow, asked: str | None, models: tuple[str, ...]
) -> None:
    name = policy.executor_for(asked=asked, own=workflow.executor)
    executor = installation.executors.get(name)
    if executor is None:
        raise InvalidInput(f"there is no executor {name!r}; there are {', '.join(sorted(installation.executors))}")
    executor.check_models(policy.models_for(workflow.name, asked=models, own=workflow.models))
