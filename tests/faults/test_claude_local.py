"""`kill -9` of a worker whose attempt is worked on by the real Claude Code CLI: it goes on, anywhere, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.claude import MODEL, local_executor, need_cli
from tests.fakes.journal import MemoryJournal
from tests.fakes.machine import until
from tests.fakes.orders import order

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.machine import Machine, Running
    from tests.faults.conftest import Scene

SEED = 20261121
KILLS = 20
CYCLES = 200
SOON_S = 5.0


@pytest.fixture(autouse=True)
def cli() -> None:
    """Nothing here works without the CLI."""
    need_cli()


def processes_in(folder: Path) -> list[str]:
    """The processes whose environment names this folder; only the CLI's and its tools' do, since nobody else is given it."""
    found = list[str]()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"CLAUDE_CONFIG_DIR={folder}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def nothing_runs_in(folder: Path) -> None:
    until(lambda: not processes_in(folder), f"no process is left in {folder}", seconds=SOON_S)


class Kills:
    """Kills whatever works on the epic, again and again, each time on a machine that knows nothing of the one before."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.scene = scene
        self.chance = chance
        self.in_flight = 0
        self.done = 0
        self.seen_at_work = 0

    def machine(self) -> Machine:
        return self.scene.machine(f"host-{self.done}", GENIE_EXECUTOR="claude_local")

    def kill(self, process: Running) -> None:
        """Kill the worker, and look at what it left: no process, and at most one call that was asked for and not recorded."""
        self.seen_at_work += bool(processes_in(self.scene.folder))
        process.kill()
        self.done += 1
        nothing_runs_in(self.scene.folder)
        lost = len(self.scene.server.requests) - self.scene.recorded()
        assert 0 <= lost - self.in_flight <= 1
        self.in_flight = lost

    def go_on(self, *, until_asked: int) -> Running:
        process = self.machine().begin("epic", "resume", self.scene.epic())
        assert self.scene.until_asked(until_asked, process) or process.code == 0, process.said
        return process


@pytest.mark.faults
def test_an_epic_that_is_killed_at_twenty_instants_is_merged_and_buys_no_answer_twice(scene: Scene) -> None:
    kills = Kills(scene, random.Random(SEED))
    process = scene.start(on=kills.machine())
    scene.until_asked(1, process)
    while kills.done < KILLS and process.code is None:
        # The CLI takes about a second from its start to its first call, and less for a turn of this story.
        time.sleep(kills.chance.uniform(0, 1.5))
        if process.code is not None:
            break
        asked = len(scene.server.requests)
        kills.kill(process)
        process = kills.machine().begin("epic", "resume", scene.epic())
        if kills.done % 2:
            scene.until_asked(asked + 1, process)
    ended = process.end()

    assert ended.code == 0, ended.said
    assert kills.done == KILLS
    assert kills.seen_at_work > KILLS / 4
    assert len(scene.server.requests) == scene.recorded() + kills.in_flight
    assert scene.ask("SELECT status FROM epics") == [("merged",)]
    attempts = scene.git("log", "main", "--format=%(trailers:key=Genie-Attempt,valueonly)").split()
    assert len(attempts) == len(set(attempts))
    nothing_runs_in(scene.folder)


@pytest.mark.faults
def test_a_plan_that_is_killed_three_times_on_three_hosts_is_bought_once(scene: Scene) -> None:
    kills = Kills(scene, random.Random(SEED))
    process = kills.machine().begin("epic", "start", "Add a median function to stats.py", "--repo", scene.where)
    for asked in (1, 2, 3):
        assert scene.until_asked(asked + kills.in_flight, process), process.said
        time.sleep(kills.chance.uniform(0, 0.5))
        kills.kill(process)
        process = kills.machine().begin("epic", "resume", scene.epic())
    ended = process.end()

    assert ended.code == 3, ended.said
    assert kills.seen_at_work
    assert len(scene.server.requests) == scene.recorded() + kills.in_flight
    assert scene.ask("SELECT status FROM shown_epics") == [("waiting",)]
    nothing_runs_in(scene.folder)


@pytest.mark.faults
def test_a_cancel_leaves_no_process_and_no_folder(make_scene: Callable[..., Scene], database_url: str) -> None:
    scene = make_scene(database_url, pause_s=2.0)
    machine = scene.machine("host", GENIE_EXECUTOR="claude_local")
    process = scene.start(on=machine)
    assert scene.until_asked(2, process), process.said
    assert processes_in(scene.folder)

    cancelled = machine.run("epic", "cancel", scene.epic())
    ended = process.end()

    assert (cancelled.code, ended.code) == (0, 1), cancelled.said + ended.said
    assert scene.ask("SELECT status FROM epics") == [("cancelled",)]
    nothing_runs_in(scene.folder)
    assert list((machine.home / "attempts").iterdir()) == []


@pytest.mark.faults
def test_a_budget_that_is_met_and_raised_goes_on_and_is_never_passed(scene: Scene) -> None:
    machine = scene.machine("host", GENIE_EXECUTOR="claude_local")
    # The first call of a CLI reserves some 15 cents: it says much before the agent says a word.
    stopped = scene.start("--budget", "0.25", on=machine).end()
    spent = Decimal(machine.run("epic", "show", scene.epic(), "--json").json["cost_usd"])
    sold = scene.server.answered()

    raised = machine.run("approval", "raise", scene.epic(), "--amount", "5")
    merged = machine.run("epic", "resume", scene.epic())

    assert [stopped.code, raised.code, merged.code] == [3, 0, 0], stopped.said + merged.said
    assert spent <= Decimal("0.25")
    assert 0 < sold < scene.server.answered()
    assert scene.server.answered() == scene.recorded()
    assert Decimal(machine.run("epic", "show", scene.epic(), "--json").json["cost_usd"]) == scene.server.cost_usd


@pytest.mark.faults
def test_what_is_said_to_an_agent_is_told_once_though_its_worker_is_killed(make_scene: Callable[..., Scene], database_url: str) -> None:
    scene = make_scene(database_url, pause_s=3.0)
    machine = scene.machine("host", GENIE_EXECUTOR="claude_local")
    process = scene.start(on=machine)
    assert scene.until_asked(1, process), process.said

    said = machine.run("epic", "say", scene.epic(), "Mind the empty list.")
    assert scene.until_asked(2, process), process.said
    process.kill()
    process = machine.begin("epic", "resume", scene.epic())
    assert scene.until_asked(4, process), process.said
    process.kill()

    assert said.code == 0, said.said
    planning = [body for body, line in zip(scene.server.bodies, scene.server.requests, strict=True) if line["workflow"] == "planning"]
    assert [str(body["messages"]).count("Mind the empty list.") for body in planning][:2] == [0, 1]
    assert all(str(body["messages"]).count("Mind the empty list.") <= 1 for body in scene.server.bodies)
    assert scene.ask("SELECT told_at IS NOT NULL FROM sayings") == [(True,)]
    nothing_runs_in(scene.folder)


@pytest.mark.faults
async def test_two_hundred_starts_and_ends_leave_no_process_and_no_folder(tmp_path: Path) -> None:
    """Each is cancelled at a random instant of its start; the provider is one that never answers."""
    chance = random.Random(SEED)
    executor = local_executor("http://127.0.0.1:9")
    (tree := tmp_path / "tree").mkdir()
    begun = 0

    for _ in range(CYCLES):
        running = asyncio.ensure_future(executor.run(order(tree, models=(MODEL,), seconds=60.0), MemoryJournal(tree=tree)))
        await asyncio.sleep(chance.uniform(0, 1.0))
        begun += bool(processes_in(tmp_path))
        running.cancel()
        await asyncio.wait({running})
    await executor.close()

    assert begun > CYCLES / 2
    nothing_runs_in(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]
