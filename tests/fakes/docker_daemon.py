"""A Docker daemon for tests: found, not started, and given the image of agents once."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from epics.errors import GenieError
from executors.claude.finding import bundled_cli
from executors.containers.daemon import Daemon
from executors.image.making import make_from_packages

IMAGE = "genie-agent-tests"
#: Where .ci/setup starts one.
OF_CI = Path("/run/genie-tests/docker.sock")
NO_SKIP = "GENIE_TEST_NO_SKIP"


def docker_host() -> str:
    """Where the daemon of the tests listens; without one the test is skipped, or fails where none may be."""
    found, said = _found()
    if found:
        return found
    said = f"no agent was put into a container: {said}; run .ci/setup, or name a daemon in GENIE_TEST_DOCKER_HOST"
    if os.environ.get(NO_SKIP):
        pytest.fail(said)
    pytest.skip(said)


@cache
def image() -> str:
    """The image of agents, made when the first test asks for it; other processes wait for that."""
    cli = bundled_cli()
    assert cli is not None, "the extra `claude` belongs to what the tests are installed with"
    daemon = Daemon(docker_host())
    with _one_at_a_time(), open_client(daemon) as client:
        return make_from_packages(client, IMAGE, cli).name


@contextmanager
def open_client(daemon: Daemon) -> Iterator[Any]:
    """Docker's own client, for looking at what really is."""
    client = daemon.patient_client()
    try:
        yield client
    finally:
        client.close()
        daemon.close()


@cache
def _found() -> tuple[str, str]:
    named = os.environ.get("GENIE_TEST_DOCKER_HOST")
    hosts = [named] if named else [f"unix://{OF_CI}", "unix:///var/run/docker.sock"]
    said = ""
    for host in hosts:
        daemon = Daemon(host)
        try:
            about = daemon.ask_now(lambda client: client.info())
        except GenieError as error:
            said = str(error)
        else:
            if about.get("OSType") == "linux":
                return host, ""
        finally:
            daemon.close()
    return "", said


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"genie-test-image-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
