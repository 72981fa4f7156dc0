"""The repository's own test suite: which command runs it, in which environment, and what it said."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from epics.errors import Environment
from epics.verdicts import TestReport
from tools.plain_files import text_of
from tools.processes import ProcessResult, run_process
from tools.python_inside import LACKING, LACKING_EXIT, python_suite_inside, with_own_python
from tools.python_suite import find_interpreter, python_environment, python_signal, python_suite

KEPT_CHARS: Final = 6_000
"""What a report keeps of the output: it is checkpointed with the state of the epic, which stays small."""

_CAPTURED: Final = 60_000
_NO_TESTS_EXIT: Final = 5
_PLACEHOLDER: Final = "no test specified"
_MAKE_TARGET = re.compile(r"^test\s*:(?!=)", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LOCKS: Final = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}


RunElsewhere: TypeAlias = Callable[[tuple[str, ...], Mapping[str, str], float, int], Awaitable[ProcessResult]]
"""Runs a command in the tree, but not as `run_process` does: the command, its environment, its seconds and the cap of its output."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A command that runs the tests, and how it was found."""

    command: tuple[str, ...]
    source: str
    """For people: what the command was found by, and what was found besides."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What is added to the environment of the command, or replaces a part of it."""
    empty_exit: int | None = None
    """The exit code that means that there was no test to run, where there is one."""
    shown: str = ""
    """The command as its author wrote it, if that is not `command` itself."""

    @property
    def text(self) -> str:
        """The command as a person types it."""
        return self.shown or shlex.join(self.command)


async def detect_suite(tree: Path, policy_command: str | None, checkout: Path | None, *, env: Mapping[str, str]) -> Suite | None:
    """Find the command that runs the tests in `tree`; None if there is none.

    `policy_command` (from genie.toml) wins. Else the first of pytest or unittest, npm and its kin, go, cargo and `make test` that the
    tree has a sign of; others are named in `source`. `checkout` is the user's, whose virtual environment serves if the tree has none.

    Raises:
        Environment: if there are tests but this machine cannot run them, with what to install or to set.
    """
    if policy_command is not None:
        return Suite(
            command=("sh", "-c", policy_command),
            source="genie.toml",
            environment=python_environment(tree, find_interpreter(tree, checkout), env),
            empty_exit=_empty_exit(policy_command),
            shown=policy_command,
        )
    signs = _signs(tree)
    if not signs:
        return None
    kind = next(iter(signs))
    return _with_others(await _suite_of(kind, signs[kind], tree, checkout, env), signs)


def detect_suite_inside(tree: Path, policy_command: str | None) -> Suite | None:
    """The same, for tests that are not run on this machine: programs and interpreters are looked for where they are run.

    Raises:
        Environment: if the tree has tests that cannot be run wherever that is.
    """
    if policy_command is not None:
        return Suite(
            command=with_own_python(policy_command), source="genie.toml", empty_exit=_empty_exit(policy_command), shown=policy_command
        )
    signs = _signs(tree)
    if not signs:
        return None
    kind = next(iter(signs))
    if kind != "pytest":
        return _with_others(_plain_suite(kind, signs[kind], tree), signs)
    found = python_suite_inside(tree)
    source = f"{found.source} ({signs[kind]})"
    return _with_others(Suite(command=found.command, source=source, empty_exit=_NO_TESTS_EXIT, shown=found.shown), signs)


async def run_suite(
    suite: Suite | None,
    tree: Path,
    env: Mapping[str, str],
    timeout_s: float,
    on_output: Callable[[bytes], None] | None = None,
    *,
    elsewhere: RunElsewhere | None = None,
) -> TestReport:
    """Run the tests in `tree` and report what they said; without a suite, report that nothing was run.

    `passed` is then true only because nothing failed: `command` is None, and whoever reads the report must say so. A command that
    takes longer than `timeout_s` is killed with all that it started, and has not passed. Without `elsewhere` it runs on this machine.

    Raises:
        Environment: if the command's program does not exist where it is to run.
    """
    if suite is None:
        return TestReport(
            command=None,
            source="no test command found: genie.toml names none, and there is no sign of pytest, unittest, npm, go, cargo or make test",
            passed=True,
        )
    environment = {**env, **suite.environment}
    if elsewhere is not None:
        result = await elsewhere(suite.command, environment, timeout_s, _CAPTURED)
        _see_that_it_could_run(suite, result)
    else:
        result = await run_process(suite.command, cwd=tree, env=environment, timeout_s=timeout_s, output_cap=_CAPTURED, on_output=on_output)
    empty = suite.empty_exit is not None and result.exit_code == suite.empty_exit and not result.timed_out
    output = readable(result.output, cut_before=result.truncated_bytes)
    if result.timed_out:
        output += f"\n[stopped after {result.seconds:.0f} s: the limit is {timeout_s:g} s, test.timeout_s in genie.toml]"
    return TestReport(
        command=suite.text,
        source=f"{suite.source}; no tests were collected" if empty else suite.source,
        passed=not result.timed_out and (result.exit_code == 0 or empty),
        exit_code=result.exit_code,
        timed_out=result.timed_out,
        seconds=round(result.seconds, 3),
        output=output,
    )


def readable(output: str, *, cut_before: int = 0) -> str:
    """Return the end of `output`, at most `KEPT_CHARS` of it, without colours and characters that no database stores."""
    text = _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", output).replace("\r\n", "\n"))
    text = text.encode("utf-8", errors="replace").decode()
    if len(text) <= KEPT_CHARS:
        return text
    return f"[the end of {len(text) + cut_before} characters]\n{text[-KEPT_CHARS:]}"


def _see_that_it_could_run(suite: Suite, result: ProcessResult) -> None:
    if suite.shown and result.exit_code == LACKING_EXIT and result.output.startswith(LACKING):
        raise Environment(result.output.strip())


def _empty_exit(command: str) -> int | None:
    return _NO_TESTS_EXIT if re.search(r"\b(pytest|unittest)\b", command) else None


def _signs(tree: Path) -> dict[str, str]:
    """The files by which one can tell that there are tests, by what runs them, the first of them first."""
    signs = {"pytest": python_signal(tree), "npm": _npm_sign(tree), "go": _file(tree, "go.mod"), "cargo": _file(tree, "Cargo.toml")}
    signs["make"] = _make_sign(tree)
    return {kind: sign for kind, sign in signs.items() if sign}


def _with_others(suite: Suite, signs: Mapping[str, str]) -> Suite:
    """Say what else there would be to run."""
    besides = ", ".join(f"{other} ({sign})" for other, sign in list(signs.items())[1:])
    return replace(suite, source=f"{suite.source}; not run: {besides}") if besides else suite


async def _suite_of(kind: str, sign: str, tree: Path, checkout: Path | None, env: Mapping[str, str]) -> Suite:
    if kind == "pytest":
        found = await python_suite(tree, checkout, env)
        return Suite(command=found.command, source=f"{found.source} ({sign})", environment=found.environment, empty_exit=_NO_TESTS_EXIT)
    return _plain_suite(kind, sign, tree)


def _plain_suite(kind: str, sign: str, tree: Path) -> Suite:
    if kind == "npm":
        return _npm_suite(tree, sign)
    command = {"go": ("go", "test", "./..."), "cargo": ("cargo", "test"), "make": ("make", "test")}[kind]
    return Suite(command=command, source=f"{shlex.join(command)} ({sign})")


def _file(tree: Path, name: str) -> str:
    return name if (tree / name).is_file() else ""


def _npm_sign(tree: Path) -> str:
    script = _table(_package_json(tree), "scripts").get("test")
    return "package.json" if isinstance(script, str) and script.strip() and _PLACEHOLDER not in script else ""


def _npm_suite(tree: Path, sign: str) -> Suite:
    package = _package_json(tree)
    named = str(package.get("packageManager", "")).partition("@")[0]
    tool = named if named in {"npm", "pnpm", "yarn", "bun"} else next((by for lock, by in _LOCKS.items() if (tree / lock).is_file()), "npm")
    needed = _table(package, "dependencies") | _table(package, "devDependencies")
    if needed and not (tree / "node_modules").exists() and not any((tree / name).exists() for name in (".pnp.cjs", ".pnp.js")):
        raise Environment(
            f"the tests need {len(needed)} packages of package.json, and the work tree has no node_modules: set in genie.toml "
            f'[environment] links = ["node_modules"] to borrow yours, or setup = "{tool} install"'
        )
    # CI makes the common runners run once and end, instead of watching the files.
    return Suite(command=(tool, "run", "test"), source=f"{tool} run test ({sign})", environment={"CI": "true"})


def _package_json(tree: Path) -> dict[str, Any]:
    try:
        package = json.loads(text_of(tree / "package.json"))
    except (ValueError, RecursionError):
        return {}  # none, or none that npm could read: then it is no sign of a suite
    return package if isinstance(package, dict) else {}


def _table(package: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = package.get(key)
    return value if isinstance(value, dict) else {}


def _make_sign(tree: Path) -> str:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if text := text_of(tree / name):
            return name if _MAKE_TARGET.search(text) else ""
    return ""
