"""The commands for tests that are run elsewhere: what there is to run them with is looked for there, and not on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from epics.errors import Environment
from epics.verdicts import TestReport
from tools.processes import ProcessResult, run_process
from tools.suite import detect_suite_inside, run_suite

PASSES = "def test_it():\n    assert True\n"
UNITTEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n"


@dataclass
class Elsewhere:
    """A place with programs of its own, and the tree; it remembers what it was asked to run."""

    programs: Path
    tree: Path
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def program(self, name: str, script: str) -> None:
        self.programs.mkdir(exist_ok=True)
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.programs / name).chmod(0o755)

    async def run(self, command: tuple[str, ...], environment: Mapping[str, str], timeout_s: float, output_cap: int) -> ProcessResult:
        self.asked.append(command)
        env = {**environment, "PATH": f"{self.programs}:/usr/bin:/bin"}
        return await run_process(command, cwd=self.tree, env=env, timeout_s=timeout_s, output_cap=output_cap)

    async def tested(self, policy_command: str | None = None) -> TestReport:
        suite = detect_suite_inside(self.tree, policy_command)
        return await run_suite(suite, self.tree, {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}, 60, elsewhere=self.run)


@pytest.fixture
def place(tmp_path: Path) -> Elsewhere:
    found = Elsewhere(tmp_path / "bin", tmp_path / "tree")
    found.program("python", f'exec "{sys.executable}" -S "$@"')
    (found.tree / "tests").mkdir(parents=True)
    return found


async def test_pytest_is_taken_where_it_can_be_imported_there(place: Elsewhere):
    (place.tree / "tests" / "test_it.py").write_text(UNITTEST)
    (place.tree / "src" / "pytest").mkdir(parents=True)
    (place.tree / "src" / "pytest" / "__init__.py").touch()
    (place.tree / "src" / "pytest" / "__main__.py").write_text("print('as pytest')")

    report = await place.tested()

    assert (report.passed, report.output) == (True, "as pytest\n")
    assert report.source == "pytest of the container, or unittest where there is none (tests/test_it.py)"


async def test_unittest_is_taken_where_there_is_no_pytest_and_the_tests_are_written_for_it(place: Elsewhere):
    (place.tree / "tests" / "test_it.py").write_text(UNITTEST)

    report = await place.tested()

    assert report.passed
    assert "Ran 1 test" in report.output
    assert report.command == "python3 -m unittest discover -s tests"


async def test_tests_that_need_what_is_not_there_are_trouble_of_the_environment(place: Elsewhere):
    (place.tree / "tests" / "test_it.py").write_text(PASSES)

    with pytest.raises(Environment, match=r"the tests need Python with pytest.*setup"):
        await place.tested()


async def test_the_virtual_environment_of_the_tree_comes_first_also_for_a_command_of_ones_own(place: Elsewhere):
    python = place.tree / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho the tree\\'s own: $PYTHONPATH\n")
    python.chmod(0o755)

    report = await place.tested('python -m anything && test "$VIRTUAL_ENV" = "$PWD/.venv"')

    assert report.passed
    assert report.output == f"the tree's own: {place.tree}/src:{place.tree}\n"
    assert report.command == 'python -m anything && test "$VIRTUAL_ENV" = "$PWD/.venv"'


async def test_a_command_of_ones_own_is_judged_by_its_code(place: Elsewhere):
    reports = [await place.tested(command) for command in ("exit 3", "false\ntrue", "pytest() { return 5; }; pytest")]

    assert [(report.passed, report.exit_code) for report in reports] == [(False, 3), (True, 0), (True, 5)]


async def test_a_lock_of_a_tool_is_used_where_the_tool_is(place: Elsewhere):
    (place.tree / "tests" / "test_it.py").write_text(UNITTEST)
    (place.tree / "uv.lock").touch()
    without = await place.tested()
    place.program("uv", 'echo uv "$@"')

    report = await place.tested()

    assert "Ran 1 test" in without.output
    assert report.output == "uv run --frozen python -m pytest\n"


async def test_other_commands_are_run_as_they_are_though_this_machine_may_not_have_them(place: Elsewhere):
    (place.tree / "Cargo.toml").touch()
    (place.tree / "Makefile").write_text("test:\n\ttrue\n")
    place.program("cargo", 'echo cargo "$@"')

    report = await place.tested()

    assert place.asked == [("cargo", "test")]
    assert (report.output, report.source) == ("cargo test\n", "cargo test (Cargo.toml); not run: make (Makefile)")


async def test_looking_for_the_tests_runs_nothing_at_all(place: Elsewhere, tmp_path: Path):
    (place.tree / "tests" / "test_it.py").write_text(PASSES)
    for name in (".venv/bin/python", "venv/bin/python"):
        (place.tree / name).parent.mkdir(parents=True)
        (place.tree / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
        (place.tree / name).chmod(0o755)

    suite = detect_suite_inside(place.tree, None)

    assert suite is not None
    assert not (tmp_path / "owned").exists()


async def test_without_a_sign_of_tests_none_are_run(place: Elsewhere):
    report = await place.tested()

    assert (report.command, report.passed, place.asked) == (None, True, [])
