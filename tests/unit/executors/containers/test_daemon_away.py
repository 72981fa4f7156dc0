"""A container that is to be gone on with, while its daemon does not answer."""

from __future__ import annotations

import pytest

from executors.containers.confinement import Confines
from executors.containers.daemon import Daemon, DaemonLost
from executors.containers.labels import Labels
from executors.containers.launcher import DockerLauncher
from executors.containers.places import SocketPlace
from executors.containers.seat import ContainerSeat, Terms
from executors.port import Owner
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order


async def test_nothing_is_begun_beside_a_container_that_may_still_be_at_work(tmp_path):
    daemon = Daemon(f"unix://{tmp_path}/nobody.sock")
    terms = Terms(home=tmp_path, image="i", command=("cli",), confines=Confines(), git_environment={})
    labels = Labels(database="d", epic="e-0123456789", attempt=1, epoch=2, home=str(tmp_path), deadline=0, memory_mb=1)
    place = SocketPlace(folder=tmp_path / "place")
    seat = ContainerSeat(daemon, terms, order(tmp_path), MemoryJournal(), labels, place, adopted=True)

    with pytest.raises(DaemonLost):
        await seat.alive()
    daemon.close()


async def test_nobody_says_of_a_container_that_it_is_dead_while_its_daemon_is_away(tmp_path):
    launcher = DockerLauncher(home=tmp_path, git_environment={}, docker_host=f"unix://{tmp_path}/nobody.sock")

    with pytest.raises(DaemonLost):
        await launcher.lives("e-0123456789", 1, Owner(database="d", epoch=2))
    await launcher.close()
