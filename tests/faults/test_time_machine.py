"""Rollbacks, undos and forks that are cut off, and those of epics that run: each is whole or was not begun, and the epic goes on."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.breakpoints import Breakpoints
from tests.fakes.git_server import git
from tests.fakes.machine import until
from tests.fakes.story import STORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.machine import Ended
    from tests.faults.conftest import Scene

SEED = 20261121
KILLS = 50
LEVELS = ("step", "state", "snapshot", "full")
SLEEP = "sleep 97.531"
NAMES = (
    "id last_moment status head branch attempts commit moment_branch outcome at newest checkpoints moments rollbacks open told events event"
)
DEEDS = {"rollback": "rolled_back", "undo": "rolled_back", "fork": "forked"}


@pytest.mark.faults
def test_a_rollback_an_undo_or_a_fork_that_is_killed_is_whole_or_was_not_begun(make_scene: Callable[..., Scene], database_url: str) -> None:
    """Fault 1, at random instants of real processes; then the epic and a fork of it go on to the merge."""
    scene = make_scene(database_url, pause_s=0.0)
    chance = random.Random(SEED)
    epic = at_merge_gate(scene)
    took = {name: _timed(scene, *words) for name, words in _deeds(scene, epic, chance).items()}
    came_of: list[str] = []
    for _ in range(KILLS):
        deed, words = chance.choice(tuple(_deeds(scene, epic, chance).items()))
        before = Standing(scene)
        process = scene.begin("time", *words)
        time.sleep(chance.uniform(0, took[deed]))
        process.kill()
        came_of.append(f"{deed}: {before.came_of(Standing(scene), deed)}")

    # Neither is worth much without the other.
    assert {line.partition(": ")[2] for line in came_of} == {"whole", "nothing"}, came_of
    _goes_on(scene, epic)
    fork = scene.here.run("time", "fork", epic, "--at", str(_newest(scene, epic)), "--json").json["id"]
    _goes_on(scene, fork)


@pytest.mark.faults
@pytest.mark.parametrize("kept", [False, True], ids=["taken back", "kept"])
@pytest.mark.parametrize("deed", DEEDS)
def test_killed_at_each_write_of_its_one_transaction_it_is_whole_or_was_not_begun(scene: Scene, deed: str, kept: bool) -> None:
    """Fault 1, exactly there: the database holds the process up; what it wrote is then taken back, or kept and nobody hears of it."""
    epic = at_merge_gate(scene)
    scene.here.run("time", "rollback", epic, "--to", "2")
    with Breakpoints(scene.database_url) as breakpoints:
        for place in ("checkpoints", "epics", "moments"):
            words = _deeds(scene, epic, random.Random(SEED))[deed]
            fits = {"outcome": DEEDS[deed]} if place == "moments" else {}
            breakpoints.set(place, "UPDATE" if place == "epics" and deed != "fork" else "INSERT", **fits)
            before = Standing(scene)
            process = scene.begin("time", *words)
            breakpoints.reached(f"{place} is written")
            process.kill()
            breakpoints.forget(kept=kept)
            # The number of the attempt by which the branch is named is taken first, in a transaction of its own.
            first = place == "epics" and deed != "fork"
            assert before.came_of(Standing(scene), deed) == ("whole" if kept and not first else "nothing"), place

    _goes_on(scene, epic)


@pytest.mark.faults
@pytest.mark.parametrize("kept", [False, True], ids=["taken back", "kept"])
def test_a_revert_that_is_killed_is_whole_or_was_not_begun_and_takes_back_once(scene: Scene, kept: bool) -> None:
    """Fault 1 at going back from merged work: the commit is made before the rows that name it."""
    ended = scene.start().end()
    assert ended.code == 0, ended.said
    epic = scene.epic()
    with Breakpoints(scene.database_url) as breakpoints:
        breakpoints.set("moments", "INSERT", outcome="rolled_back")
        before = Standing(scene)
        process = scene.begin("time", "rollback", epic, "--to", "0")
        breakpoints.reached("the moment is written")
        process.kill()
        breakpoints.forget(kept=kept)
    assert before.came_of(Standing(scene), "revert") == ("whole" if kept else "nothing")

    if not kept:
        scene.here.run("time", "rollback", epic, "--to", "0")
    _goes_on(scene, epic)

    assert "median" not in scene.git("show", "main:stats.py")
    assert len(scene.git("reflog", "show", "--format=%H", "main").splitlines()) == 3


class Standing:
    """What the database and git say of all epics, at one instant."""

    def __init__(self, scene: Scene) -> None:
        """Look."""
        rows = scene.ask(
            "SELECT e.id, e.last_moment, e.status, e.head, e.branch, e.last_attempt, m.commit, m.branch, m.outcome, m.checkpoint_id,"
            " (SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = e.id),"
            " (SELECT count(*) FROM checkpoints WHERE thread_id = e.id),"
            " (SELECT count(*) FROM moments WHERE epic_id = e.id), (SELECT count(*) FROM rollbacks r WHERE r.epic_id = e.id),"
            " (SELECT count(*) FROM approvals a WHERE a.epic_id = e.id AND a.moment <> e.moment"
            " AND (a.status = 'pending' OR a.decision IS NOT NULL AND a.applied_at IS NULL)),"
            " (SELECT count(*) FROM events WHERE epic_id = e.id AND type IN ('epic_rolled_back', 'epic_forked')), last_event,"
            " (SELECT max(n) FROM events WHERE epic_id = e.id)"
            " FROM epics e JOIN moments m ON m.epic_id = e.id AND m.n = e.moment"
        )
        self.epics: dict[str, Mapping[str, Any]] = {row[0]: dict(zip(NAMES.split(), row, strict=True)) for row in rows}
        self.strays = scene.ask("SELECT thread_id FROM checkpoints UNION SELECT epic_id FROM moments EXCEPT SELECT id FROM epics")
        mirrors = tuple((scene.here.home / "repos").glob("*.git"))
        self.refs = {
            f"{place.name} {line}"
            for place in (*mirrors, scene.repo)
            for line in git(place, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/genie/keep").splitlines()
        }

    def came_of(self, later: Standing, deed: str) -> str:
        """Whether a deed is whole or was not begun; all else fails."""
        assert not later.strays, f"rows of no epic: {later.strays}"
        assert self.refs <= later.refs, f"refs were moved: {self.refs - later.refs}"
        new = later.epics.keys() - self.epics.keys()
        changed = [key for key, row in self.epics.items() if _without_numbers(row) != _without_numbers(later.epics[key])]
        if not new and not changed:
            return "nothing"
        (epic,) = (*new, *changed)
        now = later.epics[epic]
        assert (now["status"], now["outcome"], now["open"]) == ("paused", DEEDS.get(deed, "rolled_back"), 0)
        assert (now["head"], now["branch"], now["at"]) == (now["commit"], now["moment_branch"], now["newest"])
        assert now["events"] == now["event"]
        if deed == "fork":
            assert new
            return "whole"
        before = self.epics[epic]
        one_more = ("last_moment", "moments", "checkpoints", "rollbacks", "told")
        assert {name: now[name] - before[name] for name in one_more} == dict.fromkeys(one_more, 1)
        return "whole"


def _without_numbers(row: Mapping[str, Any]) -> Mapping[str, Any]:
    # Numbers of attempts are taken, and not given again.
    return {name: value for name, value in row.items() if name != "attempts"}


def at_merge_gate(scene: Scene) -> str:
    """An epic that waits for its merge to be approved; nobody runs it."""
    said = scene.here.run("epic", "start", "Add a median", "--repo", scene.where)
    assert said.code == 3, said.said
    epic = scene.epic()
    _decided(scene, epic, "approve")
    assert scene.status(epic) == "waiting"
    return epic


def _decided(scene: Scene, epic: str, choice: str) -> Ended:
    ended = scene.here.run("approval", choice, epic, "--go")
    assert ended.code in {0, 3}, ended.said
    return ended


def _newest(scene: Scene, epic: str) -> int:
    return int(scene.ask("SELECT moment FROM epics WHERE id = %s", epic)[0][0])


def _deeds(scene: Scene, epic: str, chance: random.Random) -> dict[str, tuple[str, ...]]:
    moments = [row[0] for row in scene.ask("SELECT n FROM moments WHERE epic_id = %s ORDER BY n", epic)]
    back = ("rollback", epic, "--to", str(chance.choice(moments)), "--level", chance.choice(LEVELS))
    return {"rollback": back, "undo": ("undo", epic), "fork": ("fork", epic, "--at", str(chance.choice(moments)))}


def _timed(scene: Scene, *words: str) -> float:
    began = time.monotonic()
    ended = scene.here.run("time", *words)
    assert ended.code == 0, ended.said
    return time.monotonic() - began


def _goes_on(scene: Scene, epic: str) -> None:
    """Resume an epic, and say yes to all that it asks, to its merge."""
    ended = scene.here.run("epic", "resume", epic, "--yes")
    assert ended.code == 0, ended.said
    assert scene.status(epic) == "merged"
    assert scene.git("status", "--porcelain") == ""


@pytest.mark.faults
def test_rollbacks_of_an_epic_that_runs_are_done_however_its_workers_die(scene: Scene) -> None:
    """Fault 1 with a live worker that holds the epic, and is killed at some instant while it is asked; the next one does it."""
    chance = random.Random(SEED)
    epic = scene.queue("--yes")
    for number in range(1, 6):
        worker = scene.here.begin("worker")
        scene.follow(worker, chance.randint(2, 5))
        asked = scene.begin("time", "rollback", epic, "--to", "1")
        time.sleep(chance.uniform(0, 1.5))
        worker.kill()
        ended = asked.end()
        assert ended.code == 0, ended.said
        scene.until_status(epic, "paused")
        assert scene.ask("SELECT count(*) FROM rollbacks WHERE epic_id = %s", epic) == [(number,)]
        assert scene.ask("SELECT FROM commands WHERE epic_id = %s AND (applied_at IS NULL OR problem IS NOT NULL)", epic) == []
        _queued_again(scene, epic)

    scene.here.begin("worker")
    scene.until_status(epic, "merged")
    _merged_once(scene, epic)


@pytest.mark.slow
def test_a_running_epic_is_stopped_at_once_and_no_process_of_it_is_left(make_scene: Callable[..., Scene], database_url: str) -> None:
    """From another process, while the agent's command runs and would run on; an order that cannot be carried out lets the epic go on."""
    scene = make_scene(database_url, script=_with_a_slow_command())
    holder = scene.start()
    until(_sleepers, "the agent's command runs", seconds=90)
    epic = scene.epic()
    _ask_for(scene, epic, to=99)
    until(lambda: scene.ask("SELECT 1 FROM events WHERE type = 'rollback_refused'"), "it is refused")
    until(_sleepers, "it goes on")
    assert holder.code is None
    began = time.monotonic()

    ended = scene.here.run("time", "rollback", epic, "--to", "2")
    took = time.monotonic() - began

    assert ended.code == 0, ended.said
    assert took < 15
    assert not _sleepers()
    assert (scene.status(epic), scene.ask("SELECT outcome FROM moments ORDER BY n DESC LIMIT 1")) == ("paused", [("rolled_back",)])
    # Whoever ran it was told to stop, and is not dead.
    assert holder.end().code == 3


@pytest.mark.faults
def test_a_rollback_of_an_epic_whose_worker_sleeps_is_done_by_who_takes_over(make_scene: Callable[..., Scene], database_url: str) -> None:
    """Fault 7: SIGSTOP past the lease; woken again, the sleeper writes nothing, and its agent's command is dead."""
    scene = make_scene(database_url, script=_with_a_slow_command())
    sleeper = scene.machine("sleeper", GENIE_LEASE_SECONDS="2").begin("worker")
    epic = scene.queue("--yes")
    until(_sleepers, "the agent's command runs", seconds=90)
    sleeper.send(signal.SIGSTOP)

    ended = scene.here.run("time", "rollback", epic, "--to", "2", GENIE_LEASE_SECONDS="2")
    assert ended.code == 0, ended.said
    scene.until_status(epic, "paused")
    before = Standing(scene)
    sleeper.send(signal.SIGCONT)

    until(lambda: not _sleepers(), "the agent's command is dead", seconds=20)
    time.sleep(2)
    assert before.came_of(Standing(scene), "rollback") == "nothing"
    assert scene.ask("SELECT outcome FROM moments ORDER BY n DESC LIMIT 1") == [("rolled_back",)]


def _with_a_slow_command() -> Any:
    """The story, but its coder runs a command that does not end by itself."""
    plays = list(STORY.plays)
    (number,) = [number for number, play in enumerate(plays) if play.workflow == "implement"]
    first, *others = plays[number].turns
    plays[number] = plays[number].model_copy(update={"turns": (first.model_copy(update={"run": (SLEEP,)}), *others)})
    return STORY.model_copy(update={"plays": tuple(plays)})


def _sleepers() -> list[int]:
    """The processes of that command."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if [word.decode(errors="replace") for word in words[:2]] == SLEEP.split():
            found.append(int(place.parent.name))
    return found


def _write(scene: Scene, statement: str, *values: Any) -> None:
    import psycopg

    with psycopg.connect(scene.database_url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


def _ask_for(scene: Scene, epic: str, *, to: int) -> None:
    """Leave an order as nobody who looked first would."""
    data = f'{{"by": "eve", "undo": false, "level": "full", "to": {to}, "guidance": ""}}'
    _write(scene, "INSERT INTO commands (epic_id, kind, data) VALUES (%s, 'rollback', %s)", epic, data)


def _queued_again(scene: Scene, epic: str) -> None:
    """Resume an epic for workers; the command would run it itself."""
    _write(scene, "UPDATE epics SET status = 'queued', problem = NULL WHERE id = %s", epic)


def _merged_once(scene: Scene, epic: str) -> None:
    assert scene.ask("SELECT count(*) FROM events WHERE epic_id = %s AND type = 'epic_ended'", epic) == [(1,)]
    attempts = scene.git("log", "main", "--format=%(trailers:key=Genie-Attempt,valueonly)").split()
    assert len(attempts) == len(set(attempts))
    tasks = scene.ask("SELECT count(*), count(DISTINCT task_id) FROM attempts WHERE epic_id = %s", epic)
    assert tasks[0][0] == tasks[0][1]
    assert scene.git("status", "--porcelain") == ""
