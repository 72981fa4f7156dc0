"""The story of the fakes is one that an epic can be built on: the shipped workflows, run one after another, reach its goal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_ai import models

from agents.registry import Registry
from epics.verdicts import Review
from executors.in_process import InProcessExecutor
from executors.port import Order
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.providers import Providers
from executors.scripted import ScriptedExecutor
from executors.scripts import load_script
from tests.fakes.journal import MemoryJournal
from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, make_repository, write_story

STEPS = ("planning", "architect", "implement", "test", "review", "fix", "test", "review", "document", "pr")


@pytest.fixture(params=["scripted:demo", "anthropic:claude-sonnet-5-5", "openai:gpt-5"])
def cast(request, tmp_path):
    """Return an executor that plays the story, and the model to name."""
    if request.param.startswith("scripted"):
        yield ScriptedExecutor(load_script(write_story(tmp_path / "story.json"))), request.param
        return
    models.ALLOW_MODEL_REQUESTS = True
    with ModelServer(STORY) as server:
        key = SecretStr("not-a-real-key")
        addresses = {"anthropic": ProviderKey(key=key, base_url=server.url), "openai": ProviderKey(key=key, base_url=server.url + "/v1")}
        yield InProcessExecutor(Providers(ProviderKeys(providers=addresses))), request.param
    models.ALLOW_MODEL_REQUESTS = False


async def test_the_shipped_workflows_play_the_story_to_its_end(cast, tmp_path):
    executor, model = cast
    tree = make_repository(tmp_path / "repository")
    outcomes, journals = [], []

    for attempt, step in enumerate(STEPS, start=1):
        workflow = Registry.discover().get(step)
        order = Order(
            epic="e-0123456789",
            attempt=attempt,
            workflow=workflow,
            brief=f"Workflow: {step}\n\n{GOAL}",
            tree=tree,
            models=(model,),
            allowed_paths=workflow.boundaries.allowed,
            forbidden_paths=workflow.boundaries.forbidden,
            folder=tmp_path / "attempt",
            environment={"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        journals.append(MemoryJournal())
        outcomes.append(await executor.run(order, journals[-1]))

    assert [(outcome.ended_by, outcome.error) for outcome in outcomes] == [("done", "")] * len(STEPS)
    assert [note["problem"] for journal in journals for kind, note in journal.notes if "problem" in note] == []
    first, second = (Review.model_validate(outcome.output) for outcome, step in zip(outcomes, STEPS, strict=True) if step == "review")
    assert (first.verdict, len(first.open_findings), second.verdict) == ("findings", 1, "passed")
    subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."], cwd=tree, check=True, capture_output=True
    )
    assert "median" in (tree / "README.md").read_text()


async def test_the_story_sees_its_tests_red_before_they_are_green(tmp_path):
    tree = make_repository(tmp_path / "repository")
    workflow = Registry.discover().get("implement")
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    order = Order(
        epic="e-0123456789",
        attempt=1,
        workflow=workflow,
        brief="Workflow: implement\n\nGo.",
        tree=tree,
        models=(),
        allowed_paths=("**",),
        forbidden_paths=(),
        folder=tmp_path / "attempt",
        environment=environment,
    )
    journal = MemoryJournal()

    await ScriptedExecutor(STORY).run(order, journal)

    red, green = [(turn.results or [""])[-1] for turn in (await journal.turns())[:2]]
    assert red.startswith("exit code 1")
    assert green.startswith("exit code 0")
