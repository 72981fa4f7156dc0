"""Finding how the tests of a Python repository are run, and by which interpreter."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from epics.errors import Environment
from tools.plain_files import text_of
from tools.processes import run_process

PROBE: Final = "import importlib.util as u, sys; sys.exit(u.find_spec('pytest') is None)"
_ALONE: Final = ("-I", "-B")
"""Nothing of the work tree is imported: a `sitecustomize.py` in it would else be run by a mere look."""
_PROBE_SECONDS: Final = 60.0
_FILES_LOOKED_AT: Final = 5_000
_UNITTEST = re.compile(r"^\s*(?:import unittest|from unittest\b)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class PythonSuite:
    """The command for a Python repository, with what is added to its environment."""

    command: tuple[str, ...]
    source: str
    environment: Mapping[str, str]


def python_signal(tree: Path) -> str:
    """Return the file by which one can tell that the tree has Python tests, or nothing."""
    if _has_pytest_settings(tree):
        return "pyproject.toml"
    if (tree / "pytest.ini").is_file():
        return "pytest.ini"
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        if _has_section(tree / name, section):
            return name
    if (tree / "conftest.py").is_file():
        return "conftest.py"
    return next((str(path.relative_to(tree)) for path in _test_files(tree)), "")


def find_interpreter(tree: Path, checkout: Path | None) -> Path | None:
    """Return the Python of the repository's own virtual environment, in the tree or else in the user's checkout."""
    for root in (tree, checkout):
        for name in (".venv", "venv"):
            if root is not None and os.access(python := root / name / "bin" / "python", os.X_OK):
                return python
    return None


def python_environment(tree: Path, interpreter: Path | None, env: Mapping[str, str]) -> dict[str, str]:
    """Return what a command needs so that `python` is `interpreter`, and the modules under test are those of `tree`.

    An editable install in the user's virtual environment points to the user's checkout, not to the work tree. PYTHONPATH comes before
    it, so that what is tested is what the agent changed.
    """
    if interpreter is None:
        return {}
    folder = str(interpreter.parent)
    places = [str(place) for place in (tree / "src", tree) if place.is_dir()]
    return {
        "VIRTUAL_ENV": str(interpreter.parent.parent),
        "PATH": os.pathsep.join([folder, env.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(places),
    }


async def python_suite(tree: Path, checkout: Path | None, env: Mapping[str, str]) -> PythonSuite:
    """Choose the interpreter and the runner: pytest if it can be imported there, else unittest if the tests are written for it.

    Raises:
        Environment: if no interpreter is found, or the tests need pytest and none of the interpreters has it.
    """
    interpreter = find_interpreter(tree, checkout)
    if interpreter is not None:
        added = python_environment(tree, interpreter, env)
        home = interpreter.parent.parent
        has_pytest = await _environment_has_pytest(home, tree, env)
        return _with_python((str(interpreter),), tree, added, has_pytest=has_pytest, whose=f"the virtual environment {home}")
    # Frozen: uv would else bring the lock file up to date, which would count as work of the agent.
    for tool, lock, run in (("uv", "uv.lock", ("run", "--frozen")), ("poetry", "poetry.lock", ("run",))):
        if (tree / lock).is_file() and shutil.which(tool, path=env.get("PATH")):
            return PythonSuite(
                command=(tool, *run, "python", "-m", "pytest"), source=f"pytest by {tool} run, since there is {lock}", environment={}
            )
    for name in ("python3", "python"):
        if found := shutil.which(name, path=env.get("PATH")):
            added = {"PYTHONPATH": python_environment(tree, Path(found), env)["PYTHONPATH"]}
            return _with_python((name,), tree, added, has_pytest=await _imports_pytest(name, tree, env), whose=f"{name} of PATH, {found}")
    raise Environment("the tests need Python, and neither a virtual environment of the repository nor python3 on PATH was found")


async def _environment_has_pytest(home: Path, tree: Path, env: Mapping[str, str]) -> bool:
    if _holds_pytest(*home.glob("lib/python*/site-packages")):
        return True
    if home.parent != tree:
        return await _imports_pytest(str(home / "bin" / "python"), tree, env)
    # One in the tree may be an agent's: its programs are run for the tests alone, and not to find out.
    return _has_system_packages(home) and await _imports_pytest("python3", tree, env)


async def _imports_pytest(python: str, tree: Path, env: Mapping[str, str]) -> bool:
    probe = await run_process((python, *_ALONE, "-c", PROBE), cwd=tree, env=env, timeout_s=_PROBE_SECONDS)
    return probe.exit_code == 0


def _holds_pytest(*places: Path) -> bool:
    return any((place / "pytest" / "__init__.py").is_file() for place in places)


def _has_system_packages(home: Path) -> bool:
    return re.search(r"^include-system-site-packages\s*=\s*true\s*$", text_of(home / "pyvenv.cfg"), re.MULTILINE) is not None


def _with_python(python: tuple[str], tree: Path, added: Mapping[str, str], *, has_pytest: bool, whose: str) -> PythonSuite:
    if has_pytest or _holds_pytest(tree / "src", tree):
        return PythonSuite(command=(*python, "-m", "pytest"), source=f"pytest, with {whose}", environment=added)
    if (where := discovery(tree)) is not None:
        return PythonSuite(
            command=(*python, "-m", "unittest", "discover", *where),
            source=f"unittest, with {whose}, which has no pytest",
            environment=added,
        )
    raise Environment(
        f"the tests need pytest, which cannot be imported with {whose}: install it there, make a .venv in your checkout, "
        "or set [test] command in genie.toml"
    )


def discovery(tree: Path) -> tuple[str, ...] | None:
    """Return where unittest is to look for the tests; None if they are not written for it."""
    if not _is_unittest_style(tree):
        return None
    for name in ("tests", "test"):
        if (tree / name).is_dir():
            # Without an __init__.py the folder is no package, and discovery from above would refuse it.
            return ("-s", name, "-t", ".") if (tree / name / "__init__.py").is_file() else ("-s", name)
    return ()


def _is_unittest_style(tree: Path) -> bool:
    return not _has_pytest_settings(tree) and any(_UNITTEST.search(text_of(path)) for path in _test_files(tree))


def _test_files(tree: Path) -> Iterator[Path]:
    yield from _matching(tree.glob("*.py"))
    for name in ("tests", "test"):
        folder = tree / name
        if folder.is_dir() and folder.resolve().is_relative_to(tree.resolve()):
            yield from _matching(islice(folder.rglob("*.py"), _FILES_LOOKED_AT))


def _matching(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if (path.name.startswith("test_") or path.stem.endswith("_test")) and path.is_file())


def _has_pytest_settings(tree: Path) -> bool:
    try:
        values: dict[str, Any] = tomllib.loads(text_of(tree / "pyproject.toml"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    tool = values.get("tool")
    return isinstance(tool, dict) and "pytest" in tool


def _has_section(path: Path, section: str) -> bool:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text_of(path))
    except configparser.Error:
        return False
    return parser.has_section(section)
