"""A container that is watched through a daemon that goes away and comes back, or does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from executors.containers.daemon import ContainerGone, DaemonLost
from executors.containers.labels import Labels
from executors.containers.process import ContainerProcess, Pace
from tests.fakes.journal import MemoryJournal


class FakeDaemon:
    """Shows one state after the other, the last one for ever; an error is raised in its place."""

    def __init__(self, *states: str | Exception, code: int = 137) -> None:
        self._states = list(states)
        self._code = code
        self.removed: list[str] = []

    async def ask(self, question: Callable[[Any], Any]) -> Any:
        return question(self)

    def inspect_container(self, name: str) -> dict[str, Any]:
        del name
        state = self._states[0] if len(self._states) == 1 else self._states.pop(0)
        if isinstance(state, Exception):
            raise state
        return {"State": {"Status": state, "ExitCode": self._code if state == "exited" else 0, "OOMKilled": False, "Error": ""}}

    def logs(self, name: str, **how: Any) -> bytes:
        del name, how
        return b""

    def remove_container(self, name: str, **how: Any) -> None:
        del how
        self.removed.append(name)


def watched(daemon: Any, *, seconds: float = 60.0) -> tuple[ContainerProcess, MemoryJournal]:
    labels = Labels(database="d", epic="e-0", attempt=1, epoch=1, home="/h", deadline=time.time() + seconds, memory_mb=64)
    journal = MemoryJournal()
    pace = Pace(look_s=0.01, patience_s=0.1)
    return ContainerProcess(daemon, "c", labels, journal, adopted=False, is_anothers=lambda: False, pace=pace), journal


async def test_a_container_that_ended_while_the_daemon_was_away_was_lost_with_it():
    process, _ = watched(FakeDaemon("running", DaemonLost("away"), "exited"))

    found = await process.wait()

    assert (found.code, found.cause) == (137, "daemon_lost")


async def test_a_daemon_that_was_away_for_a_moment_changes_nothing():
    process, _ = watched(FakeDaemon("running", DaemonLost("away"), "running", "exited", code=0))

    found = await process.wait()

    assert (found.code, found.cause) == (0, "")


async def test_nobody_waits_for_ever_for_a_daemon():
    process, _ = watched(FakeDaemon("running", DaemonLost("away")))

    found = await process.wait()

    assert (found.code, found.cause, found.said) == (None, "daemon_lost", "away")


async def test_what_was_never_started_is_not_waited_for():
    process, _ = watched(FakeDaemon("created"))

    assert (await process.wait()).cause == "never_started"


async def test_one_that_is_gone_was_removed_by_somebody():
    process, _ = watched(FakeDaemon("running", ContainerGone("gone")))

    assert (await process.wait()).cause == "stopped"


async def test_one_that_is_long_past_its_deadline_is_ended_from_here():
    daemon = FakeDaemon("running")
    process, _ = watched(daemon, seconds=-60)

    found = await process.wait()

    assert (found.cause, daemon.removed) == ("timeout", ["c"])


async def test_a_pause_is_told_once_and_its_end_too():
    process, journal = watched(FakeDaemon("running", "paused", "paused", "running", "exited", code=0))

    await process.wait()

    assert [kind for kind, _ in journal.notes] == ["container_paused", "container_resumed"]
