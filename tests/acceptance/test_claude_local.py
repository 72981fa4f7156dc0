"""A whole epic by the command line, with the real Claude Code CLI in every attempt; only the provider is ours, and on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.claude import KEY, MODEL, need_cli
from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, TEST_COMMAND, make_repository

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie


@pytest.fixture(autouse=True)
def cli() -> None:
    """Nothing here works without the CLI."""
    need_cli()


def settings(server: ModelServer) -> dict[str, str]:
    return {"GENIE_EXECUTOR": "claude_local", "GENIE_MODEL": MODEL, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}


def test_an_epic_goes_from_goal_to_merge_and_costs_what_the_provider_counted(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY) as server:
        merged = genie("epic", "start", GOAL, "--repo", str(repo), "--yes", env=settings(server))
        epic = merged.id("e")
        sold, cost = server.answered(), server.cost_usd
    shown = genie("epic", "show", epic, "--json").json()
    events = [json.loads(line) for line in genie("epic", "watch", epic, "--json").out.splitlines()]
    replayed = genie("replay", epic, "--verify")
    log = genie("epic", "logs", epic).out

    assert merged.code == 0, merged.out + merged.err
    assert replayed.code == 0, replayed.out + replayed.err
    assert "write_file" in log
    assert shown["status"] == "merged"
    assert Decimal(shown["cost_usd"]) == cost > 0
    assert sum(event["type"] == "turn_taken" for event in events) == sold
    assert {event["data"]["executor"] for event in events if event["type"] == "attempt_started"} == {"claude_local"}
    assert {event["data"]["version"] for event in events if event["type"] == "agent_started"} != {""}
    tests = subprocess.run(TEST_COMMAND.split(), cwd=repo, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True)
    assert tests.returncode == 0
    assert "median" in (repo / "README.md").read_text()
    assert list((tmp_path / "genie" / "attempts").iterdir()) == []
    assert KEY not in merged.out + merged.err + json.dumps(events)


def test_a_model_that_the_cli_cannot_use_is_refused_before_anything_begins(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")

    ended = genie(
        "epic",
        *("start", GOAL, "--repo", str(repo), "--executor", "claude_local", "--model", "openai:gpt-5"),
        env={"OPENAI_API_KEY": KEY},
    )

    assert ended.code == 2
    assert "claude_local" in ended.err
    assert "anthropic:" in ended.err


def test_a_cli_that_is_not_there_is_named_with_the_way_out(genie: Genie, tmp_path: Path) -> None:
    missing = tmp_path / "claude"
    missing.write_text("not a program")

    ended = genie(
        "epic",
        *("start", GOAL, "--repo", str(make_repository(tmp_path / "repo")), "--executor", "claude_local", "--model", MODEL),
        env={"ANTHROPIC_API_KEY": KEY, "GENIE_CLAUDE_CLI": str(missing)},
    )

    assert ended.code == 2
    assert "GENIE_CLAUDE_CLI" in ended.err
