"""What the image consists of, whichever way it is made."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from epics.errors import Environment
from executors.image.packages import NEEDED, WELCOME, closure, parsed
from executors.image.rootfs import CLI_INSIDE, GUEST_INSIDE, HERE

DPKG = (
    "ii \tbash\t5.2\t\t, base-files (>= 2.1.12), debianutils\n"
    "ii \tbase-files\t12\tbase\tlibcrypt1 (>= 4), awk\n"
    "ii \tdebianutils\t5\t\t, \n"
    "ii \tmawk\t1.3\tawk\t, libc6\n"
    "ii \tlibc6\t2.36\t\t, libgone | libcrypt1\n"
    "ii \tlibcrypt1\t4\t\t, libc6\n"
    "rc \tremoved\t1\t\t, \n"
)


def test_the_packages_come_with_all_that_they_need_and_no_others():
    installed = parsed(DPKG)

    found = closure(installed, needed=("bash",), welcome=("not-here",))

    assert found == ("base-files", "bash", "debianutils", "libc6", "libcrypt1", "mawk")


def test_what_is_needed_and_missing_is_named_with_the_command_that_brings_it():
    with pytest.raises(Environment, match=r"apt-get install git removed$"):
        closure(parsed(DPKG), needed=("removed", "bash", "git"))


def test_the_dockerfile_installs_the_same_packages():
    dockerfile = (HERE / "Dockerfile").read_text()

    listed = re.search(r"--no-install-recommends \\\n((?:\s+[^&\n]*\\\n)+)", dockerfile)

    assert listed is not None
    assert set(listed[1].replace("\\", " ").split()) == {*NEEDED, *WELCOME}


def test_the_dockerfile_puts_everything_where_the_launcher_looks_for_it():
    dockerfile = (HERE / "Dockerfile").read_text()

    assert f'ENTRYPOINT ["/usr/bin/python3", "-I", "{GUEST_INSIDE}"]' in dockerfile
    assert f"{CLI_INSIDE}\n" in dockerfile.replace(" \\", "\n")
    assert "USER 1000:1000" in dockerfile


def test_the_first_process_needs_nothing_but_python():
    imports = re.findall(r"^(?:import|from) (\w+)", (HERE / "guest.py").read_text(), re.MULTILINE)

    assert set(imports) <= {*sys.stdlib_module_names, "__future__"}
    assert Path(HERE / "guest.py").stat().st_size < 20_000
