"""A whole epic by the command line, with the real Claude Code CLI in a container for every attempt; only the provider is ours."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from executors.containers.daemon import Daemon
from tests.fakes.claude import KEY, MODEL, need_cli
from tests.fakes.docker_daemon import docker_host, image, open_client
from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, TEST_COMMAND, make_repository

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie

pytestmark = pytest.mark.docker


def settings(server: ModelServer) -> dict[str, str]:
    return {
        "GENIE_EXECUTOR": "claude_docker",
        "GENIE_MODEL": MODEL,
        "GENIE_DOCKER_HOST": docker_host(),
        "GENIE_AGENT_IMAGE": image(),
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": server.url,
    }


def test_an_epic_goes_from_goal_to_merge_in_containers_that_leave_nothing_behind(genie: Genie, tmp_path: Path) -> None:
    need_cli()
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY) as server:
        merged = genie("epic", "start", GOAL, "--repo", str(repo), "--yes", env=settings(server))
        epic = merged.id("e")
        sold, cost = server.answered(), server.cost_usd
    shown = genie("epic", "show", epic, "--json").json()
    events = [json.loads(line) for line in genie("epic", "watch", epic, "--json").out.splitlines()]

    assert merged.code == 0, merged.out + merged.err
    assert shown["status"] == "merged"
    assert Decimal(shown["cost_usd"]) == cost > 0
    assert sum(event["type"] == "turn_taken" for event in events) == sold
    assert sum(event["type"] == "container_started" for event in events) >= 5
    assert KEY not in merged.out + merged.err + json.dumps(events)
    tests = subprocess.run(TEST_COMMAND.split(), cwd=repo, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True)
    assert tests.returncode == 0
    assert list((tmp_path / "genie" / "attempts").iterdir()) == []
    with open_client(Daemon(docker_host())) as client:
        assert client.containers(all=True, filters={"label": f"genie.epic={epic}"}) == []
