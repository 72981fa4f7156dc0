"""After a deliberate change of a prompt, a tool, a step or a transition, a replay names it, at the first moment that it touches."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from engine.starting import StartEpic
from epics.steps import Step
from graphs.epic import NODES
from tests.integration.conftest import GOAL, OUTPUTS
from tests.integration.replay.conftest import Told, conversing
from tools.builtin import builtin_tools
from tools.declaring import AgentTool, Arguments
from tools.registry import ToolRegistry
from tools.search import list_files

pytestmark = pytest.mark.postgres

AGENTS = Path(__file__).parents[3] / "agents"
TURNS = [
    {"write": {"greeting.txt": "hello\n"}},
    {"calls": [{"tool": "list_files"}]},
    {"run": ["cat greeting.txt"]},
    {"output": OUTPUTS["implement"]},
]


@pytest.fixture(scope="module")
def standing(bring, story):
    """An epic that was merged, with an implementation of four turns."""

    async def go(engine, repo):
        engine, _ = conversing(engine, story(implement=TURNS))
        asked = StartEpic(goal=GOAL, repo=str(repo), executor="in_process", model="scripted:demo", auto_approve=True)
        view = await engine.start(asked)
        assert (await engine.advance(view.id)).status == "merged"
        return view.id

    return bring(story(), go)


@pytest.fixture
def merged(stood, story, tmp_path, database_url):
    engine, models = conversing(stood.engine, story(implement=TURNS))
    return Told(engine=engine, id=stood.id, repo=stood.repo, home=tmp_path / "home", url=database_url, models=models)


def tools_but(name: str, change: Callable[[AgentTool], AgentTool | None]) -> ToolRegistry:
    """Genie's tools, one of them another or gone."""
    real = builtin_tools()
    kept = [change(tool) if tool.name == name else tool for tool in real.select(real.names)]
    return ToolRegistry(tool for tool in kept if tool is not None)


def with_installation(told: Any, **changed: Any) -> Any:
    told.engine = type(told.engine)(dataclasses.replace(told.engine._installation, **changed))
    return told


async def test_a_prompt(merged, tmp_path):
    shutil.copytree(AGENTS / "test", tmp_path / "agents" / "test")
    prompt = tmp_path / "agents" / "test" / "prompt.md"
    prompt.write_text(prompt.read_text() + "\nBe thorough.\n")

    found = await with_installation(merged, agents_dir=tmp_path / "agents").replay()

    first = found.first_difference
    assert (first.moment, first.kind, first.now) == (5, "brief", "Be thorough.")
    assert first.what.endswith("of the brief of test")
    assert {difference.moment for moment in found.moments for difference in moment.differences} == {5}


async def test_a_prompt_that_cannot_be_filled_in(merged, tmp_path):
    shutil.copytree(AGENTS / "review", tmp_path / "agents" / "review")
    (tmp_path / "agents" / "review" / "prompt.md").write_text("{{ plan.nothing.more }}\n")

    found = await with_installation(merged, agents_dir=tmp_path / "agents").replay()

    assert (found.first_difference.moment, found.first_difference.kind) == (6, "error")
    assert "prompt.md:1: the brief cannot be made" in found.first_difference.now


async def test_what_a_tool_says(merged):
    async def other(context: Any, arguments: Any) -> str:
        return (await list_files(context.workspace, arguments)).upper()

    found = await merged.replay(tools=tools_but("list_files", lambda tool: dataclasses.replace(tool, run=other)))

    first = found.first_difference
    assert (first.moment, first.kind) == (4, "turn")
    assert first.what == "turn 2 of attempt 3 (implement): what list_files says"
    assert (first.recorded.splitlines()[0], first.now.splitlines()[0]) == ("README.md\t11", "README.MD\t11")


async def test_what_a_tool_writes(merged):
    real = builtin_tools().get("write_file")

    async def other(context: Any, arguments: Any) -> str:
        return await real.run(context, arguments.model_copy(update={"content": arguments.content.upper()}))

    found = await merged.replay(tools=tools_but("write_file", lambda tool: dataclasses.replace(tool, run=other)))

    first = found.first_difference
    assert first.what == "turn 1 of attempt 3 (implement): the files"
    assert "which differs in greeting.txt" in first.now


async def test_what_a_tool_takes(merged):
    class RunCommand(Arguments):
        command: str
        reason: str = Field(min_length=1)

    found = await merged.replay(tools=tools_but("run_command", lambda tool: dataclasses.replace(tool, arguments=RunCommand)))

    whats = [difference.what for moment in found.moments for difference in moment.differences if moment.n == 4]
    # It is offered from the first call on; the call that does not fit any more is the third.
    assert whats[0] == "turn 1 of attempt 3 (implement): the tools that are offered, what they take, or the form of the result"
    assert "turn 3 of attempt 3 (implement): the arguments that run_command takes" in whats


async def test_a_tool_that_is_gone(merged):
    found = await merged.replay(tools=tools_but("list_files", lambda _: None))

    first = found.first_difference
    assert first.moment == 1
    assert "there is no tool named 'list_files'" in first.now


async def test_a_step(merged):
    async def other(state: Any, runtime: Any) -> Any:
        update = await NODES[Step.DOCUMENT](state, runtime)
        return {**update, "notice": "Read this."}

    found = await merged.replay(nodes={**NODES, Step.DOCUMENT: other})

    differences = [difference for moment in found.moments for difference in moment.differences]
    assert [(each.moment, each.what, each.recorded, each.now) for each in differences] == [(7, "notice", "", "Read this.")]


async def test_a_transition(merged):
    async def other(state: Any, runtime: Any) -> Any:
        update = await NODES[Step.TEST](state, runtime)
        return {**update, "step": Step.FIX}

    found = await merged.replay(nodes={**NODES, Step.TEST: other})

    first = found.first_difference
    assert (first.moment, first.kind, first.what, first.recorded, first.now) == (5, "state", "step", "review", "fix")
    assert {difference.moment for moment in found.moments for difference in moment.differences} == {5}


async def test_a_transition_that_the_table_does_not_have(merged):
    async def other(state: Any, runtime: Any) -> Any:
        update = await NODES[Step.TEST](state, runtime)
        return {**update, "step": Step.MERGE}

    found = await merged.replay(nodes={**NODES, Step.TEST: other})

    assert (found.first_difference.moment, found.first_difference.kind) == (5, "error")
    assert found.first_difference.what == "the step test"


async def test_a_step_that_breaks(merged):
    async def other(state: Any, runtime: Any) -> Any:
        del state, runtime
        message = "no more of this"
        raise ValueError(message)

    found = await merged.replay(nodes={**NODES, Step.MERGE: other})

    first = found.first_difference
    assert (first.moment, first.kind, first.now) == (10, "error", "no more of this")
