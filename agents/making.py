"""Making an agent: a working example in a folder of its own, to be changed into what one wants."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from epics.errors import InvalidInput

EXAMPLE: Final = '''\
"""The agent `{name}`: it counts words. Change it into what you want."""

from agents.agent import Agent, AgentRun
from tools.context import ToolContext
from tools.declaring import AgentTool, Arguments


class Text(Arguments):
    text: str


async def count(context: ToolContext, arguments: Text) -> str:
    return f"{{len(arguments.text.split())}} words"


class {class_name}(Agent):
    description = "Counts the words of a text."
    skills = ("count words",)
    prompt = "You answer {{{{person}}}} in one sentence. Count words with your tool, never by yourself."
    variables = {{"person": "a writer"}}
    tools = (AgentTool(name="count_words", description="Count the words of a text.", permission="read", arguments=Text, run=count),)

    async def run(self, run: AgentRun) -> str:
        return await run.ask()
'''

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def example_of(name: str) -> str:
    """The code of the example under a name."""
    return EXAMPLE.format(name=name, class_name="".join(part.capitalize() for part in name.split("_")))


def make_agent(name: str, place: Path, taken: Collection[str]) -> Path:
    """Write the example into a new folder of `place`, and return its file.

    Args:
        name: of the agent and of its folder.
        place: where agents are, made if it is not there.
        taken: names of agents and workflows that there are.

    Raises:
        InvalidInput: if the name is none or taken, or nothing can be written there.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name[:80]!r} is no name of an agent: up to 40 of a-z, 0-9 and _, a letter first")
    folder = place / name
    if name in taken or folder.exists():
        where = f"in {folder}" if folder.exists() else "see `genie agent list`"
        raise InvalidInput(f"there is something of the name {name!r} already, {where}: choose another")
    file = folder / "agent.py"
    try:
        folder.mkdir(parents=True)
        file.write_text(example_of(name), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror or error}") from error
    return file
