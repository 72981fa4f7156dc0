"""What a container is started with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from executors.containers.confinement import Confines, host_config
from executors.containers.labels import Labels, Work, container_name
from executors.containers.memory import why_not_now
from executors.containers.places import socket_place
from safety.hosts import is_listed

LABELS = Labels(database="d", epic="e-0123456789", attempt=3, epoch=7, home="/h", deadline=12.5, memory_mb=64)
#: The longest that Linux takes, with the byte that ends it.
LONGEST_SOCKET = 107


def test_everything_that_could_be_given_is_not_given():
    found = host_config(Confines(memory_mb=100, cpus=1.5, pids=20), {"/workspace": ("/t", True), "/s": ("/x", False)}, 1000, 1000)

    assert found["NetworkMode"] == "none"
    assert found["ReadonlyRootfs"] is True
    assert found["CapDrop"] == ["ALL"]
    assert found["SecurityOpt"] == ["no-new-privileges"]
    assert (found["Memory"], found["MemorySwap"]) == (100 * 2**20, 100 * 2**20)
    assert (found["NanoCpus"], found["PidsLimit"]) == (1_500_000_000, 20)
    assert [(each["Target"], each["ReadOnly"]) for each in found["Mounts"]] == [("/workspace", False), ("/s", True)]
    assert not {"Binds", "Devices", "CapAdd", "VolumesFrom"} & set(found)


def test_labels_are_read_as_they_were_written():
    written = [replace(LABELS, work=work) for work in get_args(Work)]

    assert [Labels.of(labels.as_docker()) for labels in written] == written
    assert [labels.name for labels in written].count(LABELS.name) == 1


def test_work_that_is_not_known_is_another_releases():
    assert Labels.of({**LABELS.as_docker(), "genie.work": "tea"}) is None


def test_what_has_not_all_labels_is_not_ours():
    assert Labels.of({"genie": "1"}) is None


def test_homes_and_databases_have_containers_of_their_own():
    names = {container_name(database, "e-0", 1, Path(home)) for database in ("a", "b") for home in ("/x", "/y")}

    assert len(names) == 4


def test_sockets_have_short_paths_however_long_the_home_is():
    place = socket_place(container_name("d" * 40, "e-0123456789", 10_000, Path("/" + "long/" * 100)))

    assert max(len(str(path)) for path in (place.gateway, place.egress)) < LONGEST_SOCKET


@pytest.mark.parametrize(
    "host, listed, may",
    [
        ("example.org", ("example.org",), True),
        ("EXAMPLE.org.", ("example.ORG",), True),
        ("a.example.org", ("example.org",), False),
        ("a.example.org", ("*.example.org",), True),
        ("a.b.example.org", ("*.example.org",), True),
        ("example.org", ("*.example.org",), False),
        ("evilexample.org", ("*.example.org", "example.org"), False),
        ("example.org.evil.net", ("example.org", "*.example.org"), False),
        ("", ("*",), False),
        ("anything", ("*",), False),
    ],
)
def test_a_host_is_reached_by_its_own_name_only(host, listed, may):
    assert is_listed(host, listed) is may


@pytest.mark.parametrize(
    "wanted, taken, why",
    [
        (1_000, (), ""),
        (5_000, (), "4000 MiB of memory are free"),
        (2_000, (4_000,), ""),
        (2_000, (4_000, 4_000), "running containers may take 8000 of 10000 MiB"),
    ],
)
def test_a_container_waits_for_memory_that_is_free_or_promised(tmp_path, wanted, taken, why):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: {10_000 * 1024} kB\nMemAvailable: {4_000 * 1024} kB\n")

    assert why_not_now(wanted, taken, meminfo=meminfo).startswith(why)
    assert bool(why_not_now(wanted, taken, meminfo=meminfo)) is bool(why)


def test_where_the_system_does_not_say_nothing_waits(tmp_path):
    assert why_not_now(10**9, (), meminfo=tmp_path / "none") == ""
