"""What a worker's sweep takes, and what it never touches."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.epics import fetch_all
from db.identity import database_id
from engine.container_sweep import sweep_containers
from engine.containers import Containers
from engine.identity import this_worker
from epics.errors import Conflict
from executors.containers.daemon import ContainerGone, Daemon
from executors.containers.labels import Labels, Work
from executors.containers.places import socket_place
from tests.fakes.docker_daemon import docker_host

pytestmark = [pytest.mark.docker, pytest.mark.postgres]


@dataclass
class Host:
    """A host with containers in every state of their epics."""

    installation: Any
    daemon: Daemon
    docker: Any
    own: str
    made: list[str] = field(default_factory=list)

    async def epic(self, name: str, *, status: str = "queued", host: str | None = None, result: str | None = None, epoch: int = 1) -> str:
        """An epic with one attempt; `host` is who holds it."""
        epic = f"e-{name:0<10.10}"
        pool = self.installation.database.pool
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO projects (repo) VALUES ('/r') ON CONFLICT DO NOTHING")
            await connection.execute(
                "INSERT INTO epics (id, project_id, goal, repo, base, base_commit, head, autonomy, status, graph_version, state_version) "
                "SELECT %s, id, 'g', '/r', 'main', 'c', 'c', 'auto', %s, 1, 1 FROM projects",
                (epic, status),
            )
            await connection.execute(
                "INSERT INTO attempts (epic_id, n, task_id, step, workflow, workflow_hash, executor, model, base_commit, epoch, result) "
                "VALUES (%s, 1, 't', 'implement', 'implement', 'h', 'claude_docker', 'm', 'c', 1, %s::jsonb)",
                (epic, result),
            )
            if host is not None:
                await connection.execute(
                    "INSERT INTO leases (thread_id, epoch, token, host, expires_at) "
                    "VALUES (%s, %s, gen_random_uuid(), %s, clock_timestamp() + interval '1 hour') ON CONFLICT (thread_id) DO UPDATE "
                    "SET epoch = excluded.epoch, token = excluded.token, host = excluded.host, expires_at = excluded.expires_at",
                    (epic, epoch, host),
                )
        return epic

    def container(
        self,
        epic: str,
        *,
        database: str | None = None,
        attempt: int = 1,
        home: Path | None = None,
        seconds: float = 600,
        work: Work = "agent",
        epoch: int = 1,
    ) -> str:
        """A container that was made for an attempt, and does nothing."""
        labels = replace(
            labels_of(epic, database or self.own, attempt=attempt, home=home or self.installation.home, seconds=seconds, epoch=epoch),
            work=work,
        )
        self.docker.create_container("genie-agent-tests", name=labels.name, labels=labels.as_docker())
        self.made.append(labels.name)
        return labels.name

    def left(self) -> set[str]:
        return {each["Names"][0].removeprefix("/") for each in self.docker.containers(all=True)} & set(self.made)


@pytest.fixture
async def host(database, docker, tmp_path) -> AsyncGenerator[Host]:
    daemon = Daemon(docker_host())
    installation = SimpleNamespace(home=tmp_path.resolve(), database=database, docker_host=docker_host())
    made = Host(installation=installation, daemon=daemon, docker=docker, own=await database_id(database.pool))
    yield made
    for name in made.left():
        docker.remove_container(name, force=True)
    daemon.close()


@pytest.fixture
def place_of() -> Iterator[Any]:
    """Makes a folder for sockets as a worker with that process id left it."""
    made = []

    def make(epic: str, database: str, pid: int, *, age_s: float = 3_600) -> Path:
        labels = labels_of(epic, database)
        place = socket_place(labels.name)
        place.make(labels)
        about = place.folder / "about.json"
        about.write_text(json.dumps({**json.loads(about.read_text()), "pid": pid}))
        os.utime(place.folder, (time.time() - age_s, time.time() - age_s))
        made.append(place)
        return place.folder

    yield make
    for place in made:
        place.remove()


def labels_of(epic: str, database: str, *, attempt: int = 1, home: Path = Path("/h"), seconds: float = 600, epoch: int = 1) -> Labels:
    return Labels(database=database, epic=epic, attempt=attempt, epoch=epoch, home=str(home), deadline=time.time() + seconds, memory_mb=64)


async def test_what_nobody_will_go_on_with_is_removed_and_nothing_else(host: Host):
    here = this_worker().host
    taken = {
        host.container(await host.epic("ended", host=here, result="{}")),
        host.container(await host.epic("cancelled", status="cancelled")),
        host.container(await host.epic("paused", status="paused")),
        host.container(await host.epic("elsewhere", host="another-host", epoch=2)),
        host.container(await host.epic("late", host=here), seconds=-600),
        host.container("e-unknown000"),
    }
    kept = {
        host.container(await host.epic("running", host=here)),
        host.container(await host.epic("takenover", host=here, epoch=2)),
        host.container(await host.epic("orphan")),
        host.container("e-ended00000", database="another-database"),
        host.container("e-ended00000", database="another-database", attempt=2),
    }
    host.docker.create_container("genie-agent-tests", name="not-genies", labels={"genie": "1"})
    host.made.append("not-genies")

    swept = await sweep_containers(host.installation, host.daemon)

    assert set(swept) == taken
    assert host.left() == kept | {"not-genies"}


async def test_one_of_another_home_stays_while_its_own_worker_has_the_epic(host: Host, tmp_path):
    here = this_worker().host
    owned = host.container(await host.epic("owned", host=here, epoch=3), home=tmp_path / "other")
    abandoned = host.container(await host.epic("abandoned", host=here, epoch=3), home=tmp_path / "other")
    socket_place(owned).make(labels_of("e-owned00000", host.own, home=tmp_path / "other", epoch=3))

    swept = await sweep_containers(host.installation, host.daemon)
    socket_place(owned).remove()

    assert swept == (abandoned,)


async def test_sockets_without_a_container_go_when_nobody_will_listen_there(host: Host, place_of):
    dead = 2**22 + 1
    ended = place_of(await host.epic("ended", result="{}"), host.own, os.getpid(), age_s=0)
    left = place_of(await host.epic("left"), host.own, dead)
    young = place_of(await host.epic("young"), host.own, dead, age_s=0)
    alive = place_of(await host.epic("alive"), host.own, os.getpid())
    strange = place_of("e-ended00000", "another-database", dead)

    await sweep_containers(host.installation, host.daemon)

    assert [place.exists() for place in (ended, left, young, alive, strange)] == [False, False, True, True, True]


async def test_a_command_stays_only_while_the_worker_that_ran_it_has_the_epic(host: Host):
    here = this_worker().host
    running = host.container(await host.epic("a", host=here, epoch=2), work="tests", epoch=2)
    of_no_row_yet = host.container(await host.epic("b", host=here, epoch=2), work="setup", epoch=2, attempt=2)
    taken_over = host.container(await host.epic("c", host=here, epoch=3), work="tests", epoch=2)
    abandoned = host.container(await host.epic("d"), work="setup", attempt=2)
    ended = host.container(await host.epic("e", host=here, result="{}"), work="tests")

    swept = await sweep_containers(host.installation, host.daemon)

    assert set(swept) == {taken_over, abandoned, ended}
    assert host.left() == {running, of_no_row_yet}
    assert {view.name: view.work for view in await Containers(host.installation).list()} == {running: "tests", of_no_row_yet: "setup"}


async def test_people_see_list_and_stop_the_containers_of_their_own_database(host: Host):
    here = this_worker().host
    epic = await host.epic("running", host=here)
    name, strange = host.container(epic), host.container(epic, database="another-database")
    left = host.container(await host.epic("cancelled", status="cancelled"))
    commands = Containers(host.installation)

    views = {view.name: view for view in await commands.list()}
    stopped = await commands.stop(epic)

    assert set(views) == {name, left}
    assert (views[name].left_behind, views[left].left_behind) == ("", "its epic is cancelled")
    assert stopped.name == name
    assert host.left() == {strange, left}
    with pytest.raises(ContainerGone, match="genie container list"):
        await commands.stop(epic)


async def test_a_name_that_fits_several_is_not_guessed(host: Host):
    host.container(await host.epic("one"))
    host.container(await host.epic("other"))

    with pytest.raises(Conflict, match="several"):
        await Containers(host.installation).stop("genie-e-o")


async def test_the_rows_are_left_as_they_were(host: Host):
    host.container(await host.epic("ended", result="{}"))
    before = await fetch_all(host.installation.database.pool, "fates_of_attempts", {"epics": ["e-ended00000"], "attempts": [1]})

    await sweep_containers(host.installation, host.daemon)

    assert await fetch_all(host.installation.database.pool, "fates_of_attempts", {"epics": ["e-ended00000"], "attempts": [1]}) == before
