"""How the ends of containers are told apart."""

from __future__ import annotations

import pytest

from executors.containers.ends import State, exit_of


def end(code: int, errors: str = "", *, oom: bool = False, away: bool = False):
    state = State(status="exited", code=code, out_of_memory=oom, error="")
    return exit_of(state, errors, daemon_was_away=away, memory_mb=256)


@pytest.mark.parametrize(
    "code, errors, oom, away, cause",
    [
        pytest.param(0, "a warning", False, False, "", id="good"),
        pytest.param(0, "", True, True, "", id="good-whatever-a-tool-met"),
        pytest.param(1, "it broke", False, False, "", id="its-own-fault"),
        pytest.param(1, "a command was killed", True, False, "", id="only-a-command-had-no-memory"),
        pytest.param(124, "genie: the deadline has passed", False, False, "timeout", id="deadline"),
        pytest.param(124, "exit 124 of its own", False, False, "", id="the-same-code-by-itself"),
        pytest.param(123, "genie: less than 512 MiB are free where the work tree is", False, False, "disk_full", id="disk-floor"),
        pytest.param(1, "write: No space left on device", False, False, "disk_full", id="scratch-full"),
        pytest.param(137, "", True, False, "out_of_memory", id="killed-for-memory"),
        pytest.param(134, "", True, False, "out_of_memory", id="aborted-for-memory"),
        pytest.param(137, "", False, False, "stopped", id="docker-kill"),
        pytest.param(143, "genie: told to stop", False, False, "stopped", id="docker-stop"),
        pytest.param(1, "genie: told to stop", False, False, "stopped", id="docker-stop-and-its-own-code"),
        pytest.param(137, "", False, True, "daemon_lost", id="daemon-restarted"),
    ],
)
def test_each_end_has_its_cause(code, errors, oom, away, cause):
    found = end(code, errors, oom=oom, away=away)

    assert (found.code, found.cause) == (code, cause)


@pytest.mark.parametrize("status, lives", [("running", True), ("paused", True), ("created", False), ("exited", False), ("dead", False)])
def test_what_was_made_and_never_started_does_not_live(status, lives):
    state = State.of({"State": {"Status": status, "ExitCode": 0, "OOMKilled": False, "Error": ""}})

    assert state.lives is lives
