"""The checks of `genie doctor`, each with what it saw and the way out."""

from __future__ import annotations

import shutil
import sys
import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.check import Check
from cli.claude_checks import claude_check, containment_check
from cli.container_checks import container_check
from cli.database import open_dsn, strange_epics_in, where, workers_alive_in
from cli.errors import ExitCode, sentence_of
from cli.knowledge_checks import knowledge_check
from cli.left_out import agents_check
from cli.output import Output, printable
from cli.secret_checks import stored_in
from cli.words import many
from config.approval_settings import load_server_approvals
from config.settings import Settings
from db.migrations import schema_status
from engine.views import Page
from epics.errors import GenieError, InvalidSettings
from epics.policy import DEFAULT_EXECUTOR
from timemachine.git import Git, require_git
from timemachine.lfs_filling import has_git_lfs
from tools.processes import has_namespaces

PYTHONS: Final = ((3, 11), (3, 12), (3, 13))
TEST_TOOLS: Final = ("python3", "npm", "go", "cargo", "make")
PROVIDERS: Final = {
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY"),
    "openai": ("openai", "OPENAI_API_KEY"),
    "openai-chat": ("openai", "OPENAI_API_KEY"),
    "openai-responses": ("openai", "OPENAI_API_KEY"),
}
"""What stands before the colon of a model → whose key it needs, and the variable that has it."""

_NAMED: Final = 3
_MARKS: Final = {"ok": ("✓", "green"), "note": ("–", "yellow"), "failed": ("✗", "red")}


async def examine(output: Output) -> int:
    """Make every check, and say at the end whether Genie can work here."""
    checks = [check async for check in _checks()]
    output.answer(record=Page[Check](items=tuple(checks)), parts=_parts(checks))
    return ExitCode.FAILED if any(check.state == "failed" for check in checks) else ExitCode.DONE


async def _checks() -> AsyncIterator[Check]:
    yield python_check(sys.version_info[:3])
    try:
        settings = Settings.from_env()
    except InvalidSettings as error:
        yield Check(name="settings", state="failed", seen=str(error), way_out="correct the variable, or unset it")
        return
    yield Check(name="settings", state="ok", seen="every GENIE_… variable has a value that can be used")
    if settings.approvals_file is not None:
        yield approvals_check(settings.approvals_file)
    yield await _git(settings)
    yield lfs_check(there=has_git_lfs(settings.git_environment()))
    home = home_check(settings.home)
    yield home
    if home.state == "failed" and settings.database_url is None:
        yield Check(name="database", state="failed", seen="not looked at: it would be in that home")
    else:
        database = await _database(settings)
        yield database
        if database.state == "ok":
            settings, secrets = await stored_in(settings)
            yield secrets
            yield await knowledge_check(settings)
            yield await agents_check(settings)
    yield model_check(settings.models, _keys(settings), executor=settings.executor)
    yield _executor(settings)
    yield await to_thread(claude_check, settings.claude_cli, settings.executor)
    yield await container_check(settings)
    yield containment_check(namespaces=await to_thread(has_namespaces))
    yield _test_tools(settings)


def python_check(version: tuple[int, ...]) -> Check:
    """Whether this Python is one that Genie runs on."""
    seen = ".".join(map(str, version))
    if version[:2] not in PYTHONS:
        return Check(name="python", state="failed", seen=seen, way_out="install Python 3.11, 3.12 or 3.13, and Genie with it")
    return Check(name="python", state="ok", seen=seen)


def approvals_check(file: Path) -> Check:
    """Whether the policy of this installation can be read: without it, Genie does nothing."""
    try:
        policy = load_server_approvals(file)
    except InvalidSettings as error:
        return Check(name="approvals", state="failed", seen=str(error), way_out="correct the file; nothing runs without it")
    return Check(name="approvals", state="ok", seen=f"{file}, with words for {many(len(policy.repository), 'pattern')} of repositories")


def lfs_check(*, there: bool) -> Check:
    """Whether contents of Git LFS files can be had from a server."""
    if there:
        return Check(name="git-lfs", state="ok", seen="is there")
    way = "install git-lfs if you work on repositories at URLs that keep files in Git LFS; for paths, Genie does without"
    return Check(name="git-lfs", state="note", seen="is not installed", way_out=way)


def home_check(home: Path) -> Check:
    """Whether Genie can write where it keeps its data."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        return Check(
            name="home", state="failed", seen=f"{home}: {error.strerror}", way_out="set GENIE_HOME to a folder that you can write to"
        )
    return Check(name="home", state="ok", seen=f"{home}, {shutil.disk_usage(home).free // 2**30} GiB free")


def model_check(models: tuple[str, ...], keys: Mapping[str, SecretStr | None], *, executor: str | None = None) -> Check:
    """Whether a model is set that Genie can reach, and the key that its provider asks for."""
    if executor == "scripted":
        return Check(name="model", state="ok", seen="none is needed: the executor is scripted")
    if not models:
        way = "set GENIE_MODEL, such as anthropic:MODEL with ANTHROPIC_API_KEY; `genie demo` works without"
        return Check(name="model", state="note", seen="GENIE_MODEL is not set", way_out=way)
    if strange := [model for model in models if model.partition(":")[0] not in PROVIDERS or not model.partition(":")[2].strip()]:
        way = f"name it as PROVIDER:MODEL; the providers are {', '.join(PROVIDERS)}"
        return Check(name="model", state="failed", seen=f"{', '.join(strange)}: of no provider that Genie knows", way_out=way)
    needed = {PROVIDERS[model.partition(":")[0]] for model in models}
    missing = sorted({variable for owner, variable in needed if not keys.get(owner)})
    if missing:
        return Check(name="model", state="failed", seen=f"{', '.join(models)} without a key", way_out=f"set {' and '.join(missing)}")
    return Check(name="model", state="ok", seen=f"{', '.join(models)}; the key is set (it was not tried)")


async def _git(settings: Settings) -> Check:
    git = Git(Path.cwd(), settings.git_environment())
    try:
        await require_git(git)
        return Check(name="git", state="ok", seen=await git.run("version"))
    except GenieError as error:
        return Check(name="git", state="failed", seen=sentence_of(error))


async def _database(settings: Settings) -> Check:
    try:
        async with open_dsn(settings) as dsn:
            status = await schema_status(dsn)
            usable = not status.pending and not status.newer
            strange = await strange_epics_in(dsn) if usable else ()
            alive = await workers_alive_in(dsn) if usable else 0
    except GenieError as error:
        # What is wrong with the embedded database names its own way out.
        way = "start that server, or correct GENIE_DATABASE_URL; unset, Genie runs one of its own" if settings.database_url else ""
        return Check(name="database", state="failed", seen=sentence_of(error), way_out=way)
    if status.newer:
        way = "install the newer Genie, or name another database in GENIE_DATABASE_URL"
        return Check(name="database", state="failed", seen=f"{where(settings)}; its schema is newer than this Genie", way_out=way)
    if status.pending:
        return Check(name="database", state="note", seen=f"{where(settings)}; its schema is made or migrated at the next start")
    if strange:
        seen = f"{where(settings)}, schema {status.current}; {'; '.join(epic.why for epic in strange[:_NAMED])}"
        return Check(name="database", state="note", seen=seen, way_out=f"{len(strange)} in all: see `genie db status`")
    return Check(name="database", state="ok", seen=f"{where(settings)}, schema {status.current}; {many(alive, 'worker')} alive")


def _executor(settings: Settings) -> Check:
    chosen = settings.executor or DEFAULT_EXECUTOR
    return Check(name="executor", state="ok", seen=f"{chosen}{'' if settings.executor else ' (the default)'}")


def _test_tools(settings: Settings) -> Check:
    path = settings.agent_environment().get("PATH")
    found = [tool for tool in TEST_TOOLS if shutil.which(tool, path=path)]
    if not found:
        way = "install what your tests need, or name the command in genie.toml: [test] command = …"
        return Check(name="test tools", state="note", seen=f"none of {', '.join(TEST_TOOLS)} is in the agents' PATH", way_out=way)
    return Check(name="test tools", state="ok", seen=", ".join(found))


def _keys(settings: Settings) -> dict[str, SecretStr | None]:
    return {"anthropic": settings.anthropic_api_key, "openai": settings.openai_api_key}


def _parts(checks: list[Check]) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    for check in checks:
        mark, style = _MARKS[check.state]
        text = Text(printable(check.seen))
        if check.way_out:
            text.append(f"\n→ {printable(check.way_out)}", style=style)
        table.add_row(Text(mark, style=style), Text(check.name, style="bold"), text)
    bad = [check.name for check in checks if check.state == "failed"]
    verdict = (
        Text(f"\nGenie cannot work here yet: {', '.join(bad)}", style="bold red")
        if bad
        else Text("\nGenie can work here.", style="bold green")
    )
    return [table, verdict]
