"""In-process attempts are replayed call by call: recorded answers, real tools, and what differs is named in its turn."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.golden.make import Cut
from tests.integration.conftest import OUTPUTS

pytestmark = pytest.mark.postgres

MCP_SERVER = str(Path(__file__).parents[2] / "fakes" / "mcp_server.py")
DONE = {"output": OUTPUTS["implement"]}

WORKED = [
    {"calls": [{"tool": "list_files"}, {"tool": "read_file", "arguments": {"path": "nowhere.txt"}}, {"tool": "no_such_tool"}]},
    {"write": {"greeting.txt": "hello\n"}, "run": ["mkdir -p made; date +%N > made/now.txt; date +%N > more.txt"]},
    {
        "calls": [
            {"tool": "list_files"},
            {"tool": "read_file", "arguments": {"path": "made/now.txt"}},
            {"tool": "read_file", "arguments": {"path": "more.txt"}},
            {"tool": "search", "arguments": {"pattern": "h.llo"}},
        ]
    },
    {"run": ["rm more.txt"], "edit": [{"path": "greeting.txt", "old": "hello", "new": "Hello"}]},
    {"edit": [{"path": "greeting.txt", "old": "not there", "new": "!"}]},
    {"output": {"summary": 7}},
    DONE,
]
"""Files, commands whose every run differs, files that git ignores, calls that fail, and a result of the wrong form."""


def own_workflow(*, turns: int = 9, usd: str = "5", more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """An `implement` of the repository's own."""
    folder = ".genie/agents/implement"
    limits = f'[limits]\nturns = {turns}\nseconds = 60\nusd = "{usd}"\n'
    return {
        f"{folder}/workflow.toml": f'description = "Writes."\noutput = "change_report"\n{limits}',
        f"{folder}/prompt.md": "Write {{ goal | fenced }}\n",
        f"{folder}/allowed_tools.json": '["write_file", "run_command"]\n',
        **{f"{folder}/{name}": text for name, text in more.items()},
    }


def add(git: Any, repo: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        place = repo / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Add workflows")


def clean(found: Any) -> None:
    assert found.first_difference is None, found.first_difference
    assert all("turns" in moment.compared for moment in found.moments if moment.attempt)


async def test_conversations_with_real_tools_are_as_they_were(converse, story, git, small_repo):
    add(git, small_repo, {".gitignore": "made/\n"})
    told = await converse(story(implement=WORKED), auto_approve=True)
    assert (await told.to_the_end()).status == "merged"

    found = await told.replay()

    clean(found)
    assert not [why for moment in found.moments for why in moment.unchecked]
    implement = next(moment for moment in found.moments if moment.step == "implement")
    assert implement.turns[0] == "turn 1: list_files, read_file nowhere.txt, no_such_tool"
    assert len(implement.turns) == len(WORKED)


async def test_an_attempt_that_met_a_limit_and_the_one_that_went_on_from_it(converse, story, git, small_repo):
    add(git, small_repo, own_workflow(usd="0.02"))
    turns = [{"write": {"greeting.txt": "hello\n"}}, {"run": ["cat greeting.txt"]}]
    told = await converse(story(implement=turns))
    assert (await told.to_the_end()).status == "merged"

    found = await told.replay()

    clean(found)
    assert [moment.outcome for moment in found.moments if moment.step == "implement"] == ["budget", "done"]


async def test_turns_that_ran_out_are_told_to_the_next_attempt(converse, story, git, small_repo):
    add(git, small_repo, own_workflow(turns=2))
    again = {"workflow": "implement", "when_brief_contains": "turns_exhausted", "turns": [{"write": {"greeting.txt": "hello\n"}}, DONE]}
    long = [{"write": {"greeting.txt": "h\n"}}, {"run": ["date +%N > greeting.txt"]}, {"run": ["true"]}]
    told = await converse(story(again, implement=long), auto_approve=True)
    assert (await told.to_the_end()).status == "merged"

    found = await told.replay()

    clean(found)
    assert [moment.outcome for moment in found.moments if moment.step == "implement"] == ["failed", "done"]


async def test_what_another_server_said_is_taken_from_the_record(converse, story, git, small_repo):
    servers = {"mcpServers": {"small": {"command": sys.executable, "args": [MCP_SERVER]}}}
    add(git, small_repo, own_workflow(more={".mcp.json": json.dumps(servers)}))
    calls = [{"tool": "mcp__small__leave_mark", "arguments": {"text": "here"}}, {"tool": "mcp__small__refuse"}]
    told = await converse(story(implement=[{"calls": calls}, {"run": ["mv mark.txt greeting.txt"]}, DONE]), auto_approve=True)
    assert (await told.to_the_end()).status == "merged"

    found = await told.replay()

    clean(found)
    implement = next(moment for moment in found.moments if moment.step == "implement")
    assert implement.turns[0] == "turn 1: mcp__small__leave_mark, mcp__small__refuse"


class CutInProcess(Cut):
    """As an in-process executor that is killed where a turn has its answer and no results."""

    name = "in_process"


async def test_an_attempt_that_was_killed_in_a_turn_and_gone_on_with(converse, story):
    turns = [{"write": {"greeting.txt": "hello\n"}}, {"run": ["cat greeting.txt; date +%N"]}, {"calls": [{"tool": "list_files"}]}, DONE]
    cuts: list[CutInProcess] = []

    def wrap(inner: Any) -> Any:
        cuts.append(CutInProcess(inner, ("implement", 2)))
        return cuts[0]

    told = await converse(story(implement=turns), wrap=wrap, auto_approve=True)
    running = asyncio.create_task(told.engine.advance(told.id))
    async with asyncio.timeout(60):
        await cuts[0].there.wait()
    running.cancel()
    await asyncio.wait({running})
    installation = dataclasses.replace(told.engine._installation, executors={"in_process": cuts[0]._inner})
    told.engine = type(told.engine)(installation)
    assert (await told.to_the_end()).status == "merged"
    assert told.models is not None
    assert len(told.models.asked) == 7 - 1 + len(turns)

    clean(await told.replay())
