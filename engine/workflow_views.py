"""What the faces show of workflows and of agents written in Python, the broken ones too."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agents.catalog import Catalog
from agents.python_agent import Answer, PythonAgent
from agents.registry import BrokenWorkflow, Registry
from agents.rendering import used_variables, variables_in
from agents.workflow import Workflow
from engine.views import Money
from epics.records import Record


class WorkflowView(Record):
    """A workflow, or an agent written in Python; `error` is empty unless it is broken."""

    name: str
    kind: Literal["workflow", "agent"] = Field(default="workflow", description="agent: written in Python; it may do without a repository.")
    folder: str
    error: str = Field(default="", description="What is wrong with it, with file and line.")
    description: str = ""
    output: str = Field(default="", description="The type of what its agent hands back.")
    tools: tuple[str, ...] = ()
    executor: str | None = None
    models: tuple[str, ...] = ()
    turns: int | None = None
    seconds: float | None = None
    usd: Money | None = None
    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    needs_approval: tuple[str, ...] = ()
    on_crash: str = ""
    network: str = Field(default="", description="none allowlist: what its commands may reach, where the executor closes them in.")
    hosts: tuple[str, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict, description="Models by the names that the agent may ask for.")
    mcp_servers: tuple[str, ...] = ()
    variables: tuple[str, ...] = Field(default=(), description="What its prompt names.")
    skills: tuple[str, ...] = Field(default=(), description="What it can do, in words that a request for it would have.")
    needs_repository: bool = Field(default=True, description="Whether it can only be run on a repository.")
    content_hash: str = ""
    left_out: str = Field(default="", description="Why it is left out for a while, where it kept failing, and for how long.")

    @classmethod
    def of(cls, workflow: Workflow) -> WorkflowView:
        """What is told of a loaded workflow."""
        limits, boundaries = workflow.limits, workflow.boundaries
        return cls(
            name=workflow.name,
            folder=str(workflow.folder),
            description=workflow.description,
            output=workflow.output.__name__,
            tools=workflow.tools,
            executor=workflow.executor,
            models=workflow.models,
            turns=limits.turns,
            seconds=limits.seconds,
            usd=limits.usd,
            allowed=boundaries.allowed,
            forbidden=boundaries.forbidden,
            needs_approval=boundaries.needs_approval,
            on_crash=workflow.on_crash,
            network=workflow.network.mode,
            hosts=workflow.network.hosts,
            aliases=dict(workflow.aliases),
            mcp_servers=tuple(sorted(workflow.mcp_servers)),
            variables=tuple(sorted(used_variables(workflow))),
            skills=workflow.skills or (),
            content_hash=workflow.content_hash,
        )

    @classmethod
    def of_broken(cls, broken: BrokenWorkflow) -> WorkflowView:
        """What is told of a folder that could not be loaded."""
        return cls(name=broken.name, folder=str(broken.folder), error=broken.error)


def view_of_agent(agent: PythonAgent) -> WorkflowView:
    """What is told of an agent written in Python."""
    made_by = agent.made_by
    return WorkflowView(
        name=agent.name,
        kind="agent",
        folder=str(agent.folder),
        description=made_by.description,
        output=Answer.__name__,
        tools=tuple(tool if isinstance(tool, str) else tool.name for tool in made_by.tools),
        executor=made_by.executors[0],
        models=made_by.models,
        turns=made_by.limits.turns,
        seconds=made_by.limits.seconds,
        usd=made_by.limits.usd,
        allowed=("**",),
        on_crash=made_by.on_crash,
        mcp_servers=tuple(sorted(agent.mcp_servers)),
        variables=tuple(sorted(variables_in(made_by.prompt, file=str(agent.file)))),
        skills=made_by.skills,
        needs_repository=made_by.needs_repository,
        content_hash=agent.content_hash,
    )


def workflow_views(registry: Registry) -> tuple[WorkflowView, ...]:
    """All workflows that a registry has found, by name."""
    good = [WorkflowView.of(workflow) for workflow in registry.workflows.values()]
    return tuple(sorted([*good, *map(WorkflowView.of_broken, registry.broken)], key=lambda view: view.name))


def agent_views(catalog: Catalog) -> tuple[WorkflowView, ...]:
    """All that can be run by its name, by name, and what is broken."""
    good = [view_of_agent(agent) for agent in catalog.agents.values()]
    broken = [WorkflowView(name=each.name, kind="agent", folder=each.place, error=each.error) for each in catalog.broken]
    return tuple(sorted([*workflow_views(catalog.registry), *good, *broken], key=lambda view: (view.name, view.kind)))


def view_of(found: Workflow | PythonAgent) -> WorkflowView:
    """What is told of either."""
    return view_of_agent(found) if isinstance(found, PythonAgent) else WorkflowView.of(found)
