"""The commands of real repositories, run for real in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from epics.errors import Environment
from tools.suite import KEPT_CHARS, Suite, detect_suite, run_suite

pytestmark = pytest.mark.slow

ENV = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
# Ours take seconds to import, and a repository's own environment has others.
BARE = "export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1\n"
PASSES = "def test_it():\n    assert True\n"
UNITTEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, {value})\n"


def files(root: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def python_with_pytest(root: Path) -> Path:
    """A virtual environment at `root` whose Python is the one that runs these tests, with pytest but without its plugins."""
    python = root / "bin" / "python"
    python.parent.mkdir(parents=True)
    package = root / "lib" / "python3.11" / "site-packages" / "pytest"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    python.write_text(f'#!/bin/sh\n{BARE}exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python


def bare_path(root: Path) -> str:
    """A PATH whose python3 has no packages at all."""
    shell = root / "python3"
    root.mkdir(exist_ok=True)
    shell.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    shell.chmod(0o755)
    return f"{root}:{os.defpath}"


async def test_the_virtual_environment_of_the_checkout_serves_the_work_tree(tmp_path):
    tree = files(tmp_path / "tree", {"tests/test_it.py": PASSES})
    python = python_with_pytest(tmp_path / "checkout" / ".venv")

    suite = await detect_suite(tree, None, tmp_path / "checkout", env=ENV)
    report = await run_suite(suite, tree, ENV, 60)

    assert suite is not None
    assert suite.command == (str(python), "-m", "pytest")
    assert report.passed
    assert report.exit_code == 0
    assert "1 passed" in report.output
    assert "tests/test_it.py" in report.source
    assert sorted(path.name for path in tree.rglob("*.pyc")) == []


async def test_what_is_tested_is_the_work_tree_and_not_what_the_checkout_has_installed(tmp_path):
    tree = files(
        tmp_path / "tree", {"src/lamp.py": "LIT = True\n", "tests/test_lamp.py": "import lamp\n\n\ndef test_it():\n    assert lamp.LIT\n"}
    )
    checkout = files(tmp_path / "checkout", {"src/lamp.py": "LIT = False\n"})
    python = python_with_pytest(checkout / ".venv")
    editable = f'import sys; sys.path.append("{checkout / "src"}"); import pytest; sys.exit(pytest.main(sys.argv[3:]))'
    python.write_text(
        f'#!/bin/sh\n{BARE}if [ "$2" = pytest ]; then exec "{sys.executable}" -c \'{editable}\' "$@"; fi\nexec "{sys.executable}" "$@"\n'
    )

    report = await run_suite(await detect_suite(tree, None, checkout, env=ENV), tree, ENV, 60)

    assert report.passed, report.output


async def test_failing_tests_fail_and_the_end_of_the_output_is_kept(tmp_path):
    tree = files(
        tmp_path / "tree", {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it():\n    print('x' * 200000)\n    assert 1 == 2\n"}
    )
    python_with_pytest(tree / "venv")

    report = await run_suite(await detect_suite(tree, None, None, env=ENV), tree, ENV, 60)

    assert not report.passed
    assert report.exit_code == 1
    assert "1 failed" in report.output
    assert len(report.output) < KEPT_CHARS + 100


async def test_no_collected_test_is_told_and_is_no_failure(tmp_path):
    tree = files(tmp_path / "tree", {"pytest.ini": "[pytest]\n"})
    python_with_pytest(tree / ".venv")

    report = await run_suite(await detect_suite(tree, None, None, env=ENV), tree, ENV, 60)

    assert report.passed
    assert report.exit_code == 5
    assert report.source.endswith("no tests were collected")


@pytest.mark.parametrize("value,passed", [(1, True), (2, False)])
@pytest.mark.parametrize("package", [True, False])
async def test_unittest_runs_where_pytest_is_missing(tmp_path, package, value, passed):
    tree = files(tmp_path / "tree", {"tests/test_it.py": UNITTEST.format(value=value)} | ({"tests/__init__.py": ""} if package else {}))
    env = ENV | {"PATH": bare_path(tmp_path / "bin")}

    suite = await detect_suite(tree, None, None, env=env)
    report = await run_suite(suite, tree, env, 60)

    assert report.passed is passed
    assert "Ran 1 test" in report.output
    assert "which has no pytest" in report.source


async def test_tests_that_need_pytest_where_there_is_none_are_trouble_of_the_machine(tmp_path):
    tree = files(tmp_path / "tree", {"tests/test_it.py": PASSES})
    env = ENV | {"PATH": bare_path(tmp_path / "bin")}

    with pytest.raises(Environment, match=r"need pytest, which cannot be imported with python3 of PATH.*genie\.toml"):
        await detect_suite(tree, None, None, env=env)


async def test_the_command_of_the_repository_wins_and_sees_its_python(tmp_path):
    tree = files(tmp_path / "tree", {"pytest.ini": "[pytest]\n"})
    python = python_with_pytest(tmp_path / "checkout" / ".venv")

    suite = await detect_suite(tree, 'command -v python && test -n "$VIRTUAL_ENV"', tmp_path / "checkout", env=ENV)
    report = await run_suite(suite, tree, ENV, 60)

    assert report.passed
    assert report.output.strip() == str(python)
    assert report.source == "genie.toml"
    assert report.command == 'command -v python && test -n "$VIRTUAL_ENV"'


async def test_a_make_target_is_found_and_run(tmp_path):
    tree = files(tmp_path, {"Makefile": "test: build\n\t@echo made; exit 3\nbuild:\n"})

    suite = await detect_suite(tree, None, None, env=ENV)
    report = await run_suite(suite, tree, ENV, 60)

    assert report.command == "make test"
    assert not report.passed
    assert "made" in report.output


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
async def test_the_script_of_a_package_is_run_once(tmp_path):
    tree = files(tmp_path, {"package.json": '{"scripts": {"test": "echo CI is $CI"}}'})
    env = ENV | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    report = await run_suite(await detect_suite(tree, None, None, env=env), tree, env, 60)

    assert report.passed, report.output
    assert report.command == "npm run test"
    assert "CI is true" in report.output


@pytest.mark.parametrize(
    "texts,command",
    [
        ({"package.json": '{"scripts": {"test": "x"}}', "pnpm-lock.yaml": ""}, ("pnpm", "run", "test")),
        ({"package.json": '{"scripts": {"test": "x"}, "packageManager": "yarn@4.1.0"}'}, ("yarn", "run", "test")),
        ({"go.mod": "module x\n"}, ("go", "test", "./...")),
        ({"Cargo.toml": "[package]\n"}, ("cargo", "test")),
    ],
)
async def test_other_languages_are_known_by_their_files(tmp_path, texts, command):
    suite = await detect_suite(files(tmp_path, texts), None, None, env=ENV)

    assert suite is not None
    assert suite.command == command


async def test_a_second_kind_of_tests_is_named_as_not_run(tmp_path):
    tree = files(tmp_path, {"go.mod": "module x\n", "Makefile": "test:\n"})

    suite = await detect_suite(tree, None, None, env=ENV)

    assert suite is not None
    assert suite.source == "go test ./... (go.mod); not run: make (Makefile)"


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": "{"},
        {"package.json": '{"scripts": []}'},
        {"Makefile": "test := x\nbuild:\n"},
        {"pyproject.toml": "[project]\nname = 'x'\n", "lamp.py": ""},
        {"pyproject.toml": "tool = 3"},
    ],
)
async def test_where_nothing_is_found_nothing_is_run_and_the_report_says_so(tmp_path, texts):
    tree = files(tmp_path, texts)

    suite = await detect_suite(tree, None, None, env=ENV)
    report = await run_suite(suite, tree, ENV, 60)

    assert suite is None
    assert report.command is None
    assert report.source.startswith("no test command found: ")


async def test_packages_that_are_missing_are_trouble_of_the_machine(tmp_path):
    tree = files(tmp_path, {"package.json": '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "*"}}'})

    with pytest.raises(Environment, match=r"no node_modules: set in genie\.toml"):
        await detect_suite(tree, None, None, env=ENV)


async def test_a_program_that_is_missing_is_trouble_of_the_machine(tmp_path):
    suite = Suite(command=("no-such-runner",), source="by hand")

    with pytest.raises(Environment, match="no-such-runner"):
        await run_suite(suite, tmp_path, ENV, 60)


async def test_a_command_that_hangs_is_stopped_with_all_that_it_started(tmp_path):
    suite = await detect_suite(tmp_path, "(sleep 2; touch late) & echo begun; sleep 600", None, env=ENV)

    report = await run_suite(suite, tmp_path, ENV, 0.5)
    time.sleep(2)

    assert report.timed_out
    assert not report.passed
    assert "begun" in report.output
    assert "test.timeout_s in genie.toml" in report.output
    assert not (tmp_path / "late").exists()


async def test_a_flood_of_output_is_watched_in_full_and_kept_in_part(tmp_path):
    suite = await detect_suite(tmp_path, "head -c 50000000 /dev/zero | tr '\\0' y; printf '\\033[31mred\\033[0m\\0end'", None, env=ENV)
    seen = 0

    def watch(chunk: bytes) -> None:
        nonlocal seen
        seen += len(chunk)

    report = await run_suite(suite, tmp_path, ENV, 60, watch)

    assert seen > 50_000_000
    assert len(report.output) < KEPT_CHARS + 100
    assert report.output.endswith("red\N{REPLACEMENT CHARACTER}end")


async def test_looking_for_the_tests_runs_nothing_that_stands_in_the_tree(tmp_path):
    mark = tmp_path / "owned"
    owns = f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n"
    tree = files(tmp_path / "tree", {"tests/test_it.py": PASSES, "sitecustomize.py": owns, "src/usercustomize.py": owns, "pytest.py": owns})
    python = python_with_pytest(tree / ".venv")
    python.write_text(f"#!/bin/sh\ntouch {mark}\n")

    with_its_own = await detect_suite(tree, None, None, env=ENV)
    shutil.rmtree(tree / ".venv")
    python_with_pytest(tmp_path / "checkout" / ".venv")
    with_the_checkouts = await detect_suite(tree, None, tmp_path / "checkout", env=ENV)

    assert not mark.exists()
    assert with_its_own is not None
    assert with_the_checkouts is not None
    assert (with_its_own.command[0], with_the_checkouts.command[1:]) == (str(python), ("-m", "pytest"))


@pytest.mark.parametrize("name", ["package.json", "pyproject.toml", "setup.cfg", "Makefile"])
async def test_a_pipe_or_an_endless_file_is_no_sign_of_tests(tmp_path, name):
    os.mkfifo(tmp_path / name)
    (tmp_path / "tox.ini").symlink_to("/dev/zero")
    (tmp_path / "tests").symlink_to("/")

    async with asyncio.timeout(20):
        assert await detect_suite(tmp_path, None, None, env=ENV) is None
