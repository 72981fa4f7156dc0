"""The tools about agents that are run without an epic."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from api.mcp.door import Call
from api.mcp.tool import Arguments, IdempotencyKey, McpTool, Name, Reading, Repo, asks
from api.run_schemas import RunCreate


class ListAgents(Reading):
    """Whose agents."""

    repo: Repo | None = Field(default=None, description="Also those of this repository's base branch.")


class RunAgent(Arguments, RunCreate):
    """Which agent, and what it is run on."""

    agent: Annotated[Name, Field(description="The name of an agent, as list_agents has it.")]
    idempotency_key: IdempotencyKey | None = None


class ShowRun(Reading):
    """Which run."""

    run: Annotated[Name, Field(description="The id of a run; an unambiguous beginning is enough.")]


def _run(given: RunAgent) -> Call:
    body = given.model_dump(mode="json", exclude={"agent", "idempotency_key"}, exclude_none=True)
    return Call(method="POST", path=f"/agents/{given.agent}/run/async", body=body, key=given.idempotency_key)


RUN_TOOLS: Final = (
    McpTool(
        name="list_agents",
        title="List agents",
        description="List the agents that can be run on their own, the broken ones with their error.",
        arguments=ListAgents,
        work=asks(lambda given: Call(method="GET", path="/agents", query={"repo": given.repo})),
        reads=True,
    ),
    McpTool(
        name="run_agent",
        title="Run an agent",
        description="Run one agent on a repository, without an epic. Returns the run, queued; look after it with show_run. Give an "
        "idempotency_key where the call may be repeated.",
        arguments=RunAgent,
        work=asks(_run),
        reaches_out=True,
    ),
    McpTool(
        name="show_run",
        title="Show a run",
        description="Show how far a run is, and when it has ended what came of it.",
        arguments=ShowRun,
        work=asks(lambda given: Call(method="GET", path=f"/runs/{given.run}")),
        reads=True,
    ),
)
