"""`genie secret …`: the options of each command; what they do stands in secret_commands.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Keep keys and tokens in the database, sealed.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The setting that it stands for.", show_default=False)]


@app.command("set", short_help="Store a secret; the value comes from a prompt, stdin, a file or a variable.")
def set_secret(
    name: NameArgument,
    from_env: Annotated[str | None, typer.Option("--from-env", metavar="VAR", help="The variable that has it.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="The file that has it.", show_default=False)] = None,
) -> None:
    """Store a secret, or replace it: asked for on a terminal, else read from stdin. What the environment has wins over it."""
    from cli import secret_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    value = secret_commands.value_of(settings, name, from_env=from_env, file=file)
    with_engine(lambda engine: secret_commands.set_secret(engine, Output(), settings, name, value), settings=settings)


@app.command("list", short_help="List what is stored; never a value.")
def list_secrets(as_json: JsonOption = False) -> None:
    """List what is stored, when and by whom, and what of it the environment has too, which counts then; never a value."""
    from cli import secret_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    with_engine(lambda engine: secret_commands.list_secrets(engine, Output(as_json=as_json), settings), settings=settings)


@app.command(short_help="Forget a stored secret.")
def remove(name: NameArgument) -> None:
    """Forget a stored secret; servers and workers that run have it until they are started again."""
    from cli import secret_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: secret_commands.remove(engine, Output(), name))


@app.command(short_help="Seal everything anew, with a new data key.")
def rotate(
    new_key_file: Annotated[
        Path | None,
        typer.Option("--new-key-file", metavar="FILE", help="A new key, as `genie secret key` prints one.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Seal everything anew, beside live workers; if it is cut off, run it again. With a new key, the old one opens nothing from then on."""
    from cli import secret_commands
    from cli.output import Output
    from cli.session import with_engine
    from engine.master_key import new_key_in

    new = new_key_in(new_key_file) if new_key_file is not None else None
    with_engine(lambda engine: secret_commands.rotate(engine, Output(as_json=as_json), new))


@app.command(short_help="Look for secrets that stand in the database in clear.")
def scan(as_json: JsonOption = False) -> None:
    """Look through every table for known secrets and for what looks like one; exit code 1 if there is any. Prints where, never what."""
    from cli import secret_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: secret_commands.scan(engine, Output(as_json=as_json)))


@app.command(short_help="Print a new key for GENIE_SECRET_KEY.")
def key() -> None:
    """Print a new key for GENIE_SECRET_KEY, the same for all hosts; it is kept nowhere."""
    from safety.master_keys import new_master_key

    typer.echo(new_master_key())
