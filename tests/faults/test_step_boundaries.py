"""`kill -9` at every boundary of every step, exactly there: the database holds the process up in the middle of a write."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.breakpoints import Breakpoints
from tests.fakes.judging import history_of, judge, judge_requests, route_of
from tests.fakes.machine import until

if TYPE_CHECKING:
    from tests.fakes.machine import Running
    from tests.faults.conftest import Scene

AGENT_STEPS = ("planning", "architect", "implement", "test", "review", "fix", "document", "pr")
ALL_STEPS = ("planning", "architect", "plan_gate", "implement", "test", "review", "fix", "document", "pr", "merge_gate", "merge")
MARK = "boundaries"

ROUTE = [
    "planning: done",
    "architect: done",
    "plan_gate: decided",
    "implement: done",
    "test: done",
    "review: done",
    "fix: done",
    "test: done",
    "review: done",
    "document: done",
    "pr: done",
    "merge_gate: decided",
    "merge: done",
]


def before_the_effect(step: str) -> tuple[str, str, dict[str, Any]]:
    """The attempt is about to have its row; nothing was done in it yet."""
    return "attempts", "INSERT", {"step": step}


def after_the_effect(step: str) -> tuple[str, str, dict[str, Any]]:
    """The agent has done everything; the attempt is about to have its outcome."""
    return "attempts", "UPDATE", {"step": step}


def before_the_checkpoint(step: str) -> tuple[str, str, dict[str, Any]]:
    """The step has returned; its checkpoint, with all rows, is being written."""
    return "moments", "INSERT", {"step": step}


BOUNDARIES = [
    pytest.param(before_the_effect, AGENT_STEPS, False, id="before the effect"),
    pytest.param(after_the_effect, AGENT_STEPS, False, id="after the effect"),
    pytest.param(before_the_checkpoint, ALL_STEPS, False, id="after the return, before the checkpoint"),
    pytest.param(before_the_checkpoint, ALL_STEPS, True, id="the checkpoint is kept, and nobody hears of it"),
]


@pytest.mark.faults
@pytest.mark.parametrize("boundary, steps, kept", BOUNDARIES)
def test_an_epic_that_is_killed_at_a_boundary_of_each_step_is_merged_once_and_pays_once(scene, boundary, steps, kept) -> None:
    """Faults 1 and 25: no effect twice, no answer bought again, none lost."""
    kills = _kill_at_each(scene, boundary, steps, kept=kept)

    epic = scene.epic()
    assert kills == len(steps)
    assert _clean(scene, epic)
    assert route_of(scene.database_url, epic) == ROUTE
    # Every call had its answer recorded before the kill: not one was bought that is not in the journal.
    assert scene.server.answered() == scene.recorded()
    assert scene.ask("SELECT count(*) FROM calls WHERE state <> 'settled'") == [(0,)]
    assert scene.ask("SELECT count(*) FROM attempts") == [(sum(line.split(":")[0] in AGENT_STEPS for line in ROUTE),)]
    assert len(history_of(scene.repo)) == COMMITS


@pytest.mark.slow
def test_an_epic_that_is_killed_as_its_merge_is_recorded_finds_its_merge_and_makes_no_other(scene) -> None:
    """Fault 1 at the one effect that cannot be taken back."""
    kills = _kill_at_each(scene, before_the_checkpoint, ("merge",), kept=False)

    assert kills == 1
    assert _clean(scene, scene.epic())
    assert len(history_of(scene.repo)) == COMMITS


#: One to begin with, and one for each step that changes files: architect, implement, test, fix, document.
COMMITS = 6


def _kill_at_each(scene: Scene, boundary: Any, steps: tuple[str, ...], *, kept: bool) -> int:
    """Kill the process of the story's epic once at a boundary of each step, and let the last one come to its end."""
    kills = 0
    process = None
    with Breakpoints(scene.database_url) as breakpoints:
        for step in steps:
            table, operation, fits = boundary(step)
            breakpoints.set(table, operation, **fits)
            process = scene.start() if process is None else scene.begin("epic", "resume", scene.epic())
            until(partial(_stands_or_ended, breakpoints, process), f"{step} is reached", seconds=90)
            assert process.code is None, f"{step} was not reached:\n{process.said}"
            process.kill()
            kills += 1
            breakpoints.forget(kept=kept)
    # The checkpoint of a merge that is kept is the end.
    if scene.status(scene.epic()) != "merged":
        ended = scene.begin("epic", "resume", scene.epic()).end()
        assert ended.code == 0, ended.said
    return kills


def _stands_or_ended(breakpoints: Breakpoints, process: Running) -> bool:
    return breakpoints.is_reached() or process.code is not None


def _clean(scene: Scene, epic: str) -> bool:
    found = judge(scene.database_url, epic, scene.repo)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    return True
