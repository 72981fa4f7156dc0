"""`genie epic say`, as a user types it: the agent is told word for word and once, also where its worker is killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.model_server import Fault, ModelServer
from tests.fakes.story import GOAL, STORY, make_repository

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie

WORDS = 'Say "median", not\n\t<average>; {{ braces }} stay ünharmed'
WAIT_S = 90.0


def _texts(value: Any) -> list[str]:
    """Every text in a request."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _texts(each)]


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.faults
def test_what_is_said_as_a_call_is_under_way_is_told_once_though_the_worker_is_killed(
    genie: Genie, genie_environment: dict[str, str], tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    hangs = Fault(kind="hang", workflow="implement", answers=1, seconds=60)
    with ModelServer(STORY, faults=[hangs]) as server:
        settings = {"ANTHROPIC_API_KEY": "not-a-real-key", "GENIE_MODEL": "anthropic:claude-sonnet-4-5", "ANTHROPIC_BASE_URL": server.url}
        command = [sys.executable, "-P", "-c", "from cli.main import main; main()", "epic", "start", GOAL, "--repo", str(repo), "--yes"]
        with subprocess.Popen(command, cwd=tmp_path, env={**genie_environment, **settings}, stdout=subprocess.DEVNULL) as worker:
            _until(lambda: any(each["workflow"] == "implement" and each["answers"] == 1 for each in server.requests))
            epic = genie("epic", "list", "--json").json()["items"][0]["id"]
            said = genie("epic", "say", epic, WORDS, "--json")
            os.kill(worker.pid, signal.SIGKILL)
        merged = genie("epic", "resume", epic, "--yes", env=settings)

    assert said.code == 0, said.err
    assert said.json()["told_at"] is None
    assert merged.code == 0, merged.err
    assert "says (1): Say" in merged.out + merged.err or "was told 1 in turn 2" in merged.out + merged.err
    found = [sum(WORDS in text for text in _texts(body)) for body in server.bodies]
    workflows = [(each["workflow"], each["answers"]) for each in server.requests]
    told = [workflows[at] for at, times in enumerate(found) if times]
    assert set(found) == {0, 1}
    assert told == [("implement", 1), ("implement", 2)]


@pytest.mark.parametrize("text,why", [("  ", "nothing to say"), ("x" * 10_001, "at most 10,000")], ids=["empty", "huge"])
def test_what_no_agent_can_be_told_is_refused(genie: Genie, tmp_path: Path, text: str, why: str) -> None:
    repo = make_repository(tmp_path / "repo")
    started = genie("epic", "start", GOAL, "--repo", str(repo), "--executor", "scripted", "--detach")

    refused = genie("epic", "say", started.id("e"), text)

    assert refused.code == 2
    assert why in refused.err


def test_an_epic_that_has_ended_hears_nothing_and_one_that_waits_tells_it_in_the_next_brief(genie: Genie, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    epic = genie("epic", "start", GOAL, "--repo", str(repo), "--executor", "scripted", "--detach").id("e")

    kept = genie("epic", "say", epic, "-", stdin="Be brief.\n")
    genie("epic", "cancel", epic)
    late = genie("epic", "say", epic, "And kind.")

    assert "kept as number 1: the next attempt is told in its brief" in kept.out + kept.err
    assert late.code == 1
    assert "has ended: it is cancelled" in late.err
