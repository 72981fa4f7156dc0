"""Workers that die in every way, with others beside them: somebody takes over in time, and nothing happens twice."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.breakpoints import Breakpoints
from tests.fakes.git_server import GitServer
from tests.fakes.judging import history_of, judge, judge_requests, route_of
from tests.fakes.machine import can_rename_hosts, until
from tests.fakes.own_postgres import OwnPostgres
from tests.faults.test_step_boundaries import ALL_STEPS, ROUTE, before_the_checkpoint

if TYPE_CHECKING:
    from tests.fakes.machine import Machine, Running
    from tests.faults.conftest import Scene

SAME_HOST_S = 5.0
OTHER_HOST_S = 15.0
SHORT_LEASE_S = "2"
SEED = 20261121

needs_hosts = pytest.mark.skipif(not can_rename_hosts(), reason="it takes root to give processes a host name of their own")


@pytest.fixture
def git_server(tmp_path: Path) -> Generator[GitServer]:
    """Repositories at URLs."""
    with GitServer(tmp_path / "repositories") as made:
        yield made


@pytest.mark.faults
@pytest.mark.parametrize(
    "hostname, most_s",
    [pytest.param(None, SAME_HOST_S, id="same host"), pytest.param("another", OTHER_HOST_S, id="another host", marks=needs_hosts)],
)
def test_the_epic_of_a_worker_that_is_killed_in_a_step_runs_again_in_time(
    make_scene: Callable[..., Scene],
    database_url: str,
    git_server: GitServer,
    hostname: str | None,
    most_s: float,
    request: pytest.FixtureRequest,
) -> None:
    """Fault 1 with workers: the time from the kill until another one has taken the epic up."""
    # Slow answers: the epic is still at work when the second worker is ready.
    scene = make_scene(database_url, pause_s=0.8)
    scene.where = git_server.add(scene.repo, "target.git")
    first = scene.here.begin("worker")
    epic = scene.queue()
    scene.follow(first, 4)
    second = scene.machine("there", hostname=hostname).begin("worker")
    _until_ready(scene, 2)
    now = scene.ask("SELECT clock_timestamp()")[0][0]
    first.kill()

    query = "SELECT extract(epoch FROM created_at - %s)::float8 FROM events WHERE type = 'epic_taken' AND created_at > %s"
    seconds = until(lambda: scene.ask(query, now, now), "another worker takes the epic up")[0][0]
    request.node.add_report_section("call", "measured", f"taken up {seconds:.2f} s after the kill")

    assert seconds <= most_s
    scene.until_status(epic, "merged")
    assert second.code is None
    _once(scene, epic, git_server.folder / "target.git")


@pytest.mark.faults
@needs_hosts
def test_of_two_workers_that_share_a_database_and_a_url_either_may_die_at_each_step(scene: Scene, git_server: GitServer) -> None:
    """Faults 1 and 7 over hosts: whoever is at a step is killed at its end, the other goes on, and a new host comes in his place."""
    scene.where = git_server.add(scene.repo, "target.git")
    alive: dict[str, Running] = {}
    killed: list[str] = []

    def bring(name: str) -> None:
        # Each time a host that nobody has seen before, with an empty home.
        alive[name] = scene.machine(name, hostname=name, GENIE_LEASE_SECONDS=SHORT_LEASE_S).begin("worker")

    with Breakpoints(scene.database_url) as breakpoints:
        epic = ""
        for number, step in enumerate(ALL_STEPS):
            table, operation, fits = before_the_checkpoint(step)
            breakpoints.set(table, operation, **fits)
            epic = epic or scene.queue()
            while len(alive) < 2:
                bring(f"host-{number}-{len(alive)}")
            breakpoints.reached(f"{step} is reached", seconds=90)
            name = str(scene.ask("SELECT worker FROM leases WHERE thread_id = %s", epic)[0][0]).split(":")[0]
            alive.pop(name).kill()
            killed.append(name)
            breakpoints.forget(kept=number % 2 == 1)
    scene.until_status(epic, "merged")

    assert len(killed) == len(ALL_STEPS) == len(set(killed))
    _once(scene, epic, git_server.folder / "target.git")
    assert len(history_of(git_server.folder / "target.git")) == 6


@pytest.mark.faults
@needs_hosts
def test_a_worker_that_sleeps_past_its_lease_writes_nothing_when_it_wakes_and_its_agent_is_dead(
    make_scene: Callable[..., Scene], database_url: str, git_server: GitServer
) -> None:
    """Fault 7 with workers: SIGSTOP, take-over by another host, SIGCONT."""
    scene = make_scene(database_url, pause_s=0.4)
    scene.where = git_server.add(scene.repo, "target.git")
    sleeper = scene.machine("sleeper", hostname="sleeper", GENIE_LEASE_SECONDS=SHORT_LEASE_S).begin("worker")
    epic = scene.queue()
    until(scene.effects.lines, "the tests of the repository run")
    sleeper.send(signal.SIGSTOP)
    children = _children(sleeper.pid)
    epoch = scene.ask("SELECT epoch FROM leases")[0][0]
    other = scene.machine("other", hostname="other", GENIE_LEASE_SECONDS=SHORT_LEASE_S).begin("worker")
    until(lambda: scene.ask("SELECT 1 FROM leases WHERE epoch > %s", epoch), "another takes over")
    scene.follow(other, 2)
    written = "SELECT count(*) FROM attempts WHERE epoch = %s"
    before = scene.ask(written, epoch)
    sleeper.send(signal.SIGCONT)

    scene.until_status(epic, "merged")
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the agent's processes are dead", seconds=10)
    assert scene.ask(written, epoch) == before
    _once(scene, epic, git_server.folder / "target.git")


@pytest.mark.faults
def test_an_epic_that_kills_its_workers_is_parked_with_the_cause_and_one_command_resumes_it(scene: Scene) -> None:
    """Fault 16: the take-overs are used up."""
    with Breakpoints(scene.database_url) as breakpoints:
        breakpoints.set("attempts", "INSERT", step="implement")
        epic = scene.queue()
        deaths = 0
        while True:
            worker = scene.here.begin("worker")
            until(lambda: breakpoints.is_reached() or scene.status(epic) == "paused", "it kills its worker, or is parked")
            if scene.status(epic) == "paused":
                break
            worker.kill()
            deaths += 1
            breakpoints.forget(kept=False)
            breakpoints.set("attempts", "INSERT", step="implement")
        breakpoints.forget(kept=True)

    problem = str(scene.ask("SELECT problem FROM epics WHERE id = %s", epic)[0][0])
    # The first had come further while it lived; three in a row did not.
    assert deaths == 1 + 3
    assert "implement" in problem
    ended = scene.here.run("epic", "resume", epic)
    assert ended.code == 0, ended.said
    _once(scene, epic, scene.repo)


@pytest.mark.faults
def test_twenty_epics_outlive_a_database_that_is_restarted_again_and_again(make_scene: Callable[..., Scene], tmp_path: Path) -> None:
    """Faults 3 and 4: immediate stops and kills, also while everybody recovers from the one before."""
    chance = random.Random(SEED)
    with OwnPostgres(tmp_path / "postgres") as server, GitServer(tmp_path / "repositories") as repositories:
        scene = make_scene(server.url, pause_s=0.05)
        machines = [scene.machine(f"machine-{n}", GENIE_CONCURRENCY="10") for n in (1, 2)]
        scene.here.run("db", "migrate")
        workers = [machine.begin("worker") for machine in machines]
        epics: dict[str, tuple[str, Path]] = {}
        for number in range(20):
            scene.where = repositories.add(scene.repo, f"target-{number}.git")
            epics[scene.queue(mark=f"m{number}")] = (f"m{number}", repositories.folder / f"target-{number}.git")
        for restart in range(6):
            time.sleep(chance.uniform(0.5, 5))
            (server.kill if restart % 2 else server.stop_at_once)()
            server.start()
            # The second of each pair comes in the middle of the recovery from the first.
            if restart % 2:
                time.sleep(chance.uniform(0, 0.5))
                server.stop_at_once()
                server.start()
        _see_to_the_end(scene, machines, workers, list(epics))

        for epic, (_, repo) in epics.items():
            found = judge(server.url, epic, repo)
            assert found.clean, found
            assert route_of(server.url, epic) == ROUTE
        bought = judge_requests(server.url, scene.server.requests, {mark: epic for epic, (mark, _) in epics.items()})
        assert bought.clean, bought


def _see_to_the_end(scene: Scene, machines: list[Machine], workers: list[Running], epics: list[str]) -> None:
    """Wait until all are merged; a worker that gave up on the database is begun again, as its service manager would."""
    deadline = time.monotonic() + 300
    while {scene.status(epic) for epic in epics} != {"merged"}:
        assert time.monotonic() < deadline, {epic: scene.status(epic) for epic in epics}
        for number, worker in enumerate(workers):
            if worker.code is not None:
                workers[number] = machines[number].begin("worker")
        for epic in epics:
            if scene.status(epic) == "paused":
                problem = scene.ask("SELECT problem FROM epics WHERE id = %s", epic)
                raise AssertionError(f"{epic} was parked: {problem}")
        time.sleep(0.5)


def _until_ready(scene: Scene, workers: int) -> None:
    """Wait until so many workers have said that they are there."""
    until(lambda: scene.ask("SELECT count(*) FROM workers WHERE seen_at > clock_timestamp() - interval '10 s'")[0][0] >= workers, "workers")


def _children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def _once(scene: Scene, epic: str, repo: Path) -> None:
    found = judge(scene.database_url, epic, repo)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    assert route_of(scene.database_url, epic) == ROUTE
