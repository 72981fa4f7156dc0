"""Free memory, as the kernel and a container say it."""

from __future__ import annotations

import pytest

from engine.admission import why_no_room
from engine.postponing import delay

MIB = 1024 * 1024


@pytest.fixture
def machine(tmp_path):
    def make(*, available_mb=None, most=None, used_mb=0):
        meminfo = tmp_path / "meminfo"
        if available_mb is not None:
            meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable:   {available_mb * 1024} kB\n")
        if most is not None:
            (tmp_path / "memory.max").write_text(f"{most}\n")
            (tmp_path / "memory.current").write_text(f"{used_mb * MIB}\n")
        return {"meminfo": meminfo, "cgroup": tmp_path}

    return make


def test_a_machine_with_enough_memory_has_room(machine):
    assert why_no_room(256, **machine(available_mb=256, most="max")) == ""


def test_a_machine_with_too_little_says_what_it_has(machine):
    assert why_no_room(256, **machine(available_mb=255)) == "255 MiB of memory are free, and GENIE_MIN_FREE_MB asks for 256"


def test_a_container_counts_by_its_own_limit(machine):
    assert "100 MiB" in why_no_room(256, **machine(available_mb=9000, most=400 * MIB, used_mb=300))


def test_a_system_that_says_nothing_has_room(machine):
    assert why_no_room(256, **machine()) == ""


def test_each_wait_is_twice_as_long_up_to_a_bound():
    assert [delay(15, before) for before in (0, 1, 2, 6, 400)] == [15, 30, 60, 900, 900]
