"""A whole epic with a model behind the provider's own client library: the server is ours and on loopback, all else is real."""

from __future__ import annotations

import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import Fault, ModelServer
from tests.fakes.story import GOAL, STORY, make_repository

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie


def _settings(server: ModelServer, model: str) -> dict[str, str]:
    keys = {"ANTHROPIC_API_KEY": "not-a-real-key", "OPENAI_API_KEY": "not-a-real-key"}
    return {**keys, "GENIE_MODEL": model, "ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-5", "openai:gpt-5"])
def test_an_epic_goes_from_goal_to_merge(genie: Genie, tmp_path: Path, model: str) -> None:
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY) as server:
        stopped = genie("epic", "start", GOAL, "--repo", str(repo), env=_settings(server, model))
        epic = stopped.id("e")
        at_plan = genie("approval", "approve", epic, "--comment", "Keep it small.")
        at_merge = genie("epic", "resume", epic, env=_settings(server, model))
        approved = genie("approval", "approve", epic)
        merged = genie("epic", "resume", epic, env=_settings(server, model))
        shown = genie("epic", "show", epic, "--json").json()

    assert [stopped.code, at_plan.code, at_merge.code, approved.code, merged.code] == [3, 0, 3, 0, 0], merged.err
    assert shown["status"] == "merged"
    assert Decimal(shown["cost_usd"]) > 0
    tests = ["python3", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
    assert subprocess.run(tests, cwd=repo, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True).returncode == 0
    assert any("Keep it small." in str(body) for body in server.bodies)


def test_a_model_that_stays_overloaded_is_replaced_by_its_fallback(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    faults = [Fault(kind="529", times=100, model="claude-sonnet-4-5")]

    with ModelServer(STORY, faults=faults) as server:
        settings = _settings(server, "anthropic:claude-sonnet-4-5,openai:gpt-5")
        stopped = genie("epic", "start", GOAL, "--repo", str(repo), env=settings)

    assert stopped.code == 3, stopped.err
    assert "openai:gpt-5 in place of anthropic:claude-sonnet-4-5" in stopped.out + stopped.err
    assert {request["model"] for request in server.requests if request["sold"]} == {"gpt-5"}


def test_a_refused_key_ends_at_the_failure_gate_and_the_message_names_the_setting(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY, faults=[Fault(kind="401", times=100)]) as server:
        stopped = genie("epic", "start", GOAL, "--repo", str(repo), env=_settings(server, "anthropic:claude-sonnet-4-5"))
        gate = genie("approval", "list", "--json").json()["items"][0]

    assert stopped.code == 3
    assert gate["gate"] == "failure_gate"
    assert "ANTHROPIC_API_KEY" in gate["summary"]
    assert len(server.requests) == 1


def test_a_budget_that_is_met_opens_a_gate_and_a_raise_goes_on_from_the_work_done(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY) as server:
        settings = _settings(server, "anthropic:claude-sonnet-4-5")
        stopped = genie("epic", "start", GOAL, "--repo", str(repo), "--yes", "--budget", "0.20", env=settings)
        epic = stopped.id("e")
        spent = Decimal(genie("epic", "show", epic, "--json").json()["cost_usd"])
        sold = server.answered()
        raised = genie("approval", "raise", epic, "--amount", "5")
        merged = genie("epic", "resume", epic, env=settings)

    assert [stopped.code, raised.code, merged.code] == [3, 0, 0], merged.err
    assert spent <= Decimal("0.20")
    assert 0 < sold < server.answered()
    assert len({str(body) for body in server.bodies}) == len(server.bodies)
