"""`genie db …`: bring the database up to date, see how it stands, back it up, restore it, prune it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Migrate, back up, restore or prune the database, or see how it stands.")


@app.command(short_help="Bring the schema up to date.")
def migrate(as_json: JsonOption = False) -> None:
    """Bring the database's schema up to date; safe to run twice, and from two places at once."""
    from cli.database import migrate
    from cli.output import Output
    from cli.process import finish

    finish(lambda: migrate(Output(as_json=as_json)))


@app.command(short_help="Write all of the database into one file.")
def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - is stdout.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write all that the database holds into one file that only you can read; workers may be at work meanwhile."""
    from cli.backup import backup
    from cli.output import Output
    from cli.process import finish

    finish(lambda: backup(file, Output(as_json=as_json or file == "-"), overwrite=overwrite))


@app.command(short_help="Bring the database to what a backup holds.")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `genie db backup` wrote. It is code: restore only what you trust.")],
    replace: Annotated[bool, typer.Option("--replace", help="Set aside the epics that are there, in a schema of their own.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do so though somebody is at work in the database.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring an empty database to what a backup holds, whole or not at all; every lease in it is ended."""
    from cli.backup import restore
    from cli.output import Output
    from cli.process import finish

    finish(lambda: restore(file, Output(as_json=as_json), replace=replace, force=force))


@app.command(short_help="Prune old finished epics; without --apply only say what would go.")
def prune(
    apply: Annotated[bool, typer.Option("--apply/--dry-run", help="Delete it, or only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Prune the history of finished epics that is older than the settings GENIE_KEEP_… say; workers do so by themselves, once an hour."""
    from cli.output import Output
    from cli.pruning import prune
    from cli.session import with_engine
    from config.settings import Settings
    from engine.retention import policy_of

    settings = Settings.from_env()
    with_engine(lambda engine: prune(engine, policy_of(settings), Output(as_json=as_json), apply=apply), settings=settings)


@app.command(short_help="Say what the schema is and what it lacks.")
def status(as_json: JsonOption = False) -> None:
    """Say where the database is, which schema it has, and what is missing; exit code 1 if something is."""
    from cli.database import status
    from cli.output import Output
    from cli.process import finish

    finish(lambda: status(Output(as_json=as_json)))
