"""What the command line tells of agents and conversations before anything is run."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cli import running
from cli.chat_commands import way_back
from cli.output import Output
from engine.runs.orders import StartRun
from engine.sessions.views import SessionView
from engine.workflow_views import WorkflowView
from epics.errors import InvalidInput

NOW = datetime(2026, 1, 10, tzinfo=UTC)
BROKEN = "/agents/poet/agent.py:3: this is not Python"


class Runs:
    """Runs of an installation whose one agent is broken."""

    async def workflow(self, name: str) -> WorkflowView:
        """The agent, with what is wrong with it."""
        return WorkflowView(name=name, kind="agent", folder="/agents/poet", error=BROKEN)

    async def start(self, order: StartRun) -> None:
        """Refuse as the engine does, which looks for agents before it looks for a repository where none is named."""
        raise InvalidInput(BROKEN if not order.repo else f"{order.repo} is not a git repository")


async def test_a_broken_agent_is_told_with_its_line_where_there_is_no_repository():

    service: Any = SimpleNamespace(runs=Runs())

    with pytest.raises(InvalidInput, match="this is not Python"):
        await running.begin(service, StartRun(workflow="poet"), Output(), detach=False, server=None)


@pytest.mark.parametrize(
    "name, repo, command",
    [
        ("talk", "", "genie agent chat poet --session talk"),
        ("my talk", "", "genie agent chat poet --session 'my talk'"),
        (None, "", "genie agent chat poet --session s-0123456789"),
        ("talk", "/srv/shop", "genie agent chat poet --session s-0123456789"),
    ],
)
def test_the_way_back_leads_to_this_conversation_and_to_no_other_of_its_name(name, repo, command):
    session = SessionView(
        id="s-0123456789",
        agent="poet",
        name=name,
        repo=repo,
        person="ada",
        status="open",
        busy_with=None,
        messages=2,
        runs=1,
        created_at=NOW,
        updated_at=NOW,
    )

    assert way_back(session) == command
