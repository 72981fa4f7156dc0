"""The demonstration: a sample repository, a whole epic on it, and what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.text import Text

from cli.drive import carry_on
from cli.log import configure_log
from cli.output import Output
from cli.render import branches_table, heading, moments_table
from cli.render_gate import diff_parts
from cli.session import SCRIPT, engine_for_caller
from cli.words import many, usd
from config.settings import Settings
from engine.engine import Engine
from engine.starting import StartEpic
from engine.views import EpicView
from epics.errors import InvalidInput
from timemachine.git import Git

SAMPLE: Final = SCRIPT.parent / "repository"
GOAL: Final = (
    'Add durations.render, the opposite of parse: render(5400) gives "1h30m". '
    "Zero must work too, and what is not a duration must be refused as parse refuses it."
)
# At a fixed time, so that every sample repository begins with the same commit.
BEGUN: Final = "2026-01-01T00:00:00+00:00"


async def demonstrate(output: Output, *, keep: Path | None, ask: bool) -> int:
    """Make the sample repository, run an epic on it, and show what came of it.

    Raises:
        InvalidInput: if the folder for the repository is taken.
    """
    settings = Settings.from_env()
    configure_log(settings.log_level, secrets=settings.secret_values())
    place = keep.expanduser().absolute() if keep else _fresh_place(settings.home / "demo")
    await make_repository(place, settings.git_environment())
    output.say(f"sample repository  {place}")
    output.say(f"goal               {GOAL}")
    output.say("A script plays the model; the database, git, the tests and the gates are real.")
    output.say("Gates ask you.\n" if ask else "Plan and merge are approved by the demo itself (--ask lets you decide).\n", style="dim")
    order = StartEpic(
        goal=GOAL,
        repo=str(place),
        base="main",
        executor="scripted",
        model="scripted:demo",
        autonomy="auto",
        auto_approve=not ask,
        labels={"demo": "yes"},
    )
    async with engine_for_caller(settings) as engine:
        epic = await engine.start(order)
        code = await carry_on(engine, epic, output)
        if code == 0:
            await _show_what_came_of_it(engine, await engine.epic(epic.id), output, place)
    return code


async def make_repository(place: Path, environment: Mapping[str, str]) -> None:
    """Copy the sample to an empty place, and commit it.

    Raises:
        InvalidInput: if something is there already, or it cannot be made.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise InvalidInput(f"{place} is not empty: name a new folder with --keep, or leave it out")
        shutil.copytree(SAMPLE, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise InvalidInput(f"the sample repository cannot be made in {place}: {error.strerror}") from error
    git = Git(place, environment, variables={"GIT_AUTHOR_DATE": BEGUN, "GIT_COMMITTER_DATE": BEGUN})
    await git.run("init", "--quiet", "--template=", "--initial-branch=main")
    await git.run("add", "--all")
    await git.run("commit", "--quiet", "--message=Begin")


def _fresh_place(parent: Path) -> Path:
    name = f"durations-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(parent / each for each in names if not (parent / each).exists())


async def _show_what_came_of_it(engine: Engine, epic: EpicView, output: Output, place: Path) -> None:
    attempts, moments = await engine.attempts(epic.id), await engine.moments(epic.id)
    tokens = f"{epic.tokens.input:,} tokens in, {epic.tokens.output:,} out"
    output.show(heading("Branches: each attempt on its own, none is ever deleted"), branches_table(attempts))
    output.show(heading("Moments: each can be gone back to"), moments_table(moments))
    output.show(heading("What was merged"), *diff_parts(await engine.changes(epic.id)))
    output.show(heading("Cost"), Text(f"{usd(epic.cost_usd)} for {many(len(attempts), 'attempt')}, {tokens} (made up: no model was asked)"))
    output.show(heading("Where it is"), Text(f"{place}, branch main: python3 -c 'import durations; print(durations.render(5400))'"))
    output.show(heading("Try next"))
    for command, why in (
        (f"genie epic show {epic.id}", "where the epic went"),
        (f"genie epic logs {epic.id}", "what each agent said and did"),
        (f"genie approval list --status all --epic {epic.id}", "who decided what"),
        ("genie demo --ask", "the same, and you decide at the gates"),
        ("genie doctor", "what your own repository needs"),
        ("genie epic start GOAL --repo DIR --model anthropic:MODEL", "an epic of your own"),
    ):
        output.say(f"  {command:<58} {why}")
