"""docs/agents.md says what is so: its example is the one that is written, and it names all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from agents.agent import Agent, AgentRun
from agents.making import example_of

TEXT = (Path(__file__).parents[3] / "docs/agents.md").read_text()


def test_the_example_is_what_create_writes():
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

    assert block == example_of("word_counter")


def test_every_attribute_and_every_method_is_told():
    told = set(re.findall(r"`(?:run\.)?(\w+)", TEXT)) | set(re.findall(r"run\.(\w+)", TEXT))

    assert set(Agent.__annotations__) - told == set()
    assert {name for name in vars(AgentRun) if not name.startswith("_")} - told == set()
