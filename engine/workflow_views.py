"""What the faces show of workflows, the broken ones too."""

from __future__ import annotations

from pydantic import Field

from agents.registry import BrokenWorkflow, Registry
from agents.rendering import used_variables
from agents.workflow import Workflow
from engine.views import Money
from epics.records import Record


class WorkflowView(Record):
    """A workflow; `error` is empty unless it is broken."""

    name: str
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
    content_hash: str = ""

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
            content_hash=workflow.content_hash,
        )

    @classmethod
    def of_broken(cls, broken: BrokenWorkflow) -> WorkflowView:
        """What is told of a folder that could not be loaded."""
        return cls(name=broken.name, folder=str(broken.folder), error=broken.error)


def workflow_views(registry: Registry) -> tuple[WorkflowView, ...]:
    """All that a registry has found, by name."""
    good = [WorkflowView.of(workflow) for workflow in registry.workflows.values()]
    return tuple(sorted([*good, *map(WorkflowView.of_broken, registry.broken)], key=lambda view: view.name))
