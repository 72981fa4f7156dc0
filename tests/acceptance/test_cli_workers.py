"""`genie worker`, as a user runs it: it takes what was left to workers, goes on after a decision, and ends in good order."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie

WAIT_S = 90.0


@pytest.fixture
def worker(genie_environment: dict[str, str], tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """A worker with the scripted executor at hand."""
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()", "worker", "--concurrency", "2"]
    environment = {**genie_environment, "GENIE_LOG_LEVEL": "info", "GENIE_LOG_FORMAT": "json", "GENIE_MIN_FREE_MB": "0"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def _until(genie: Genie, epic: str, **wanted: str) -> Mapping[str, object]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        shown = genie("epic", "show", epic, "--json").json()
        if all(shown[name] == value for name, value in wanted.items()):
            return shown
        time.sleep(0.3)
    raise AssertionError(f"{epic} never came to {wanted}")


def test_a_worker_takes_what_was_left_goes_on_after_a_decision_and_ends_in_good_order(
    genie: Genie, git_repo: Callable[..., Path], worker: subprocess.Popen[str]
) -> None:
    repo = git_repo({"README.md": "Durations.\n", "genie.toml": '[test]\ncommand = "true"\n'})
    started = genie("epic", "start", "Write durations too", "--repo", str(repo), "--executor", "scripted", "--detach")
    assert started.code == 0, started.err
    assert "queued" in started.out + started.err
    epic = started.id("e")

    _until(genie, epic, status="waiting", step="plan_gate")
    (seen,) = genie("worker", "list", "--json").json()["items"]
    assert (seen["alive"], seen["concurrency"], seen["pid"]) == (True, 2, worker.pid)

    decided = genie("approval", "reject", epic, "--comment", "not now")
    assert f"a running worker goes on with it; follow it with: genie epic watch {epic}" in decided.out + decided.err
    _until(genie, epic, status="rejected")
    late = genie("approval", "approve", epic)
    assert late.code == 1
    assert "already decided: reject" in late.err

    worker.send_signal(signal.SIGTERM)
    _, log = worker.communicate(timeout=WAIT_S)
    assert worker.returncode == 0, log
    assert "the worker has ended" in [json.loads(line)["event"] for line in log.splitlines()]
    assert genie("worker", "list", "--json").json()["items"] == []
