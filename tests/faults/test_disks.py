"""A full disk, of the database and of the work trees: the epic stops with the cause, does nothing unrecorded, and goes on with space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.judging import judge, judge_requests
from tests.fakes.machine import until
from tests.fakes.own_postgres import OwnPostgres

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

#: Enough for an empty database and some of its log, and no more.
DATABASE_DISK = "160m"
HOME_DISK = "24m"


class SmallDisk:
    """A file system of a fixed size that can be filled to the last byte."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._balloon = place / "balloon"

    def fill(self) -> None:
        """Take all the space that is left."""
        with self._balloon.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def make_room(self) -> None:
        """Give it back."""
        self._balloon.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Callable[[str, str], SmallDisk]]:
    """Mounts small disks; that takes root, so elsewhere these tests are left out, and say so."""
    places: list[Path] = []

    def mount(name: str, size: str) -> SmallDisk:
        place = tmp_path / name
        place.mkdir()
        tried = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True, check=False)
        if tried.returncode != 0:
            pytest.skip("A FULL DISK WAS NOT TESTED: this user may not mount file systems here (run as root)")
        places.append(place)
        return SmallDisk(place)

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.faults
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="A FULL DISK WAS NOT TESTED: it takes root to mount one")
def test_an_epic_stops_when_the_disk_of_the_database_is_full_and_goes_on_with_space(
    make_scene: Callable[..., Scene], small_disk: Callable[[str, str], SmallDisk]
) -> None:
    """Fault 14, the database's disk."""
    disk = small_disk("database", DATABASE_DISK)
    with OwnPostgres(disk.place / "server", settings="max_wal_size = '32MB'\nmin_wal_size = '32MB'\nrestart_after_crash = on") as server:
        scene = make_scene(server.url)
        process = scene.start()
        scene.follow(process, 4)
        disk.fill()

        stopped = process.end(180)
        asked = len(scene.server.requests)
        assert stopped.code != 0
        assert "Traceback" not in stopped.said
        disk.make_room()
        if server.pid is None:
            server.start()
        server.wait_until_it_answers()
        # At most the one call that was in flight when the disk was full is not in the journal.
        assert asked - scene.recorded() <= 1
        ended = scene.here.run("epic", "resume", scene.epic())

        assert ended.code == 0, ended.said
        found = judge(scene.database_url, scene.epic(), scene.repo)
        found.add(judge_requests(scene.database_url, scene.server.requests, {"": scene.epic()}))
        assert found.clean, found


@pytest.mark.faults
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="A FULL DISK WAS NOT TESTED: it takes root to mount one")
def test_an_epic_stops_when_the_disk_of_its_work_trees_is_full_and_goes_on_with_space(
    scene: Scene, small_disk: Callable[[str, str], SmallDisk]
) -> None:
    """Fault 14, the workspace's disk."""
    disk = small_disk("home", HOME_DISK)
    there = scene.machine("there", GENIE_HOME=str(disk.place / "genie"))
    process = scene.start(on=there)
    scene.follow(process, 6)
    disk.fill()

    stopped = process.end(180)
    epic = scene.epic()
    assert stopped.code != 0
    assert "Traceback" not in stopped.said
    assert "No space left" in stopped.said or "disk" in stopped.said
    assert scene.git("rev-list", "--count", "main") == "1"
    disk.make_room()
    ended = there.run("epic", "resume", epic)
    if ended.code == 3 and scene.status(epic) == "waiting":
        # It was counted as a failure of the attempts, which a person is asked about.
        there.run("approval", "retry", epic)
        ended = there.run("epic", "resume", epic)

    assert ended.code == 0, ended.said
    found = judge(scene.database_url, epic, scene.repo)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    until(lambda: scene.status(epic) == "merged", "it is merged")
