"""`genie container …`: the options of each command; what they do stands in container_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Look at the containers that agents work in, on this host, and make their image.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name, the beginning of it, or the id of its epic.", show_default=False)
]


@app.command("list", short_help="List the containers of agents.")
def list_containers(as_json: JsonOption = False) -> None:
    """List the containers of agents on this host, and say which of them nobody will go on with."""
    from cli import container_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: container_commands.list_containers(engine, Output(as_json=as_json)))


@app.command(short_help="Show what a container has printed.")
def logs(
    name: NameArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
) -> None:
    """Show what a container has printed: the CLI's events, a line of JSON for each."""
    from cli import container_commands
    from cli.session import with_engine

    with_engine(lambda engine: container_commands.logs(engine, name, follow=follow))


@app.command(short_help="End a container at once.")
def stop(name: NameArgument, as_json: JsonOption = False) -> None:
    """End a container at once and remove it. Its attempt ends as stopped, and the epic goes on as after any failed attempt."""
    from cli import container_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: container_commands.stop(engine, name, Output(as_json=as_json)))


@app.command(short_help="Remove what workers left behind.")
def sweep(as_json: JsonOption = False) -> None:
    """Remove the containers that nobody will go on with, as workers do each minute; those of other databases are not touched."""
    from cli import container_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: container_commands.sweep(engine, Output(as_json=as_json)))


@app.command(short_help="Make the image that containers are started from.")
def image(
    dockerfile: Annotated[
        bool, typer.Option("--dockerfile", help="Build it from a public base image; the daemon must reach a registry.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the image that containers are started from: the Claude Code CLI and this machine's own Debian packages, without a registry."""
    from cli import container_commands
    from cli.output import Output
    from cli.process import finish
    from config.settings import Settings

    settings = Settings.from_env()
    finish(lambda: container_commands.make_image(settings, Output(as_json=as_json), dockerfile=dockerfile))
