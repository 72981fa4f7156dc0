"""Agents written in Python as conversations and prompts know them: what is kept of them, and the prompt in their code."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents.catalog import Catalog
from agents.python_agent import PythonAgent
from db.sessions import SeenAgent
from engine.sessions.conversation import OwnPrompt
from epics.errors import InvalidInput


async def known_agent(agents_dir: Path | None, name: str) -> PythonAgent:
    """The agent of that name, if it is one with which conversations are held.

    Raises:
        InvalidInput: if it is a workflow.
        InvalidAgent: if its code is broken, with the file and the line.
        WorkflowNotFound: if there is none of that name.
    """
    catalog = await asyncio.to_thread(Catalog.discover, agents_dir=agents_dir)
    found = catalog.get(name)
    if not isinstance(found, PythonAgent):
        message = f"{name} is a workflow: it holds no conversations, and its prompt is the prompt.md of its folder; see docs/workflows.md"
        raise InvalidInput(message)
    return found


def seen(agent: PythonAgent) -> SeenAgent:
    """What is kept of an agent as it is run."""
    return SeenAgent(name=agent.name, kind="python", description=agent.made_by.description, content_hash=agent.content_hash)


def own_prompt(agent: PythonAgent) -> OwnPrompt:
    """The prompt that stands in an agent's code."""
    return OwnPrompt(text=agent.made_by.prompt, variables=dict(agent.made_by.variables))
