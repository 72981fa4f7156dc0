"""`genie time …`: the options of each command; what they do stands in time_reading.py and its neighbours.

Modules that open the engine are imported when a command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import EpicArgument, JsonOption, ServerOption, command_group

app = command_group("Look at an epic's past, go back, fork, undo.")


@app.callback()
def time() -> None:
    """Look at an epic's past, go back, fork, undo."""


@app.command()
def history(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show the moments of an epic as a tree.

    Filled circles lead to where the epic is, empty ones were left behind by going back.
    """
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.history(service, epic, Output(as_json=as_json)), server=server)


@app.command(short_help="Name a moment, and so keep it from retention.")
def mark(
    epic: EpicArgument,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MOMENT] NAME", help="The moment, by number or name, if not the newest; and its name.", show_default=False),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the name of the moment away.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Give a moment a name, which stands for its number from then on and keeps the moment from retention."""
    from cli import time_keeping
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_keeping.mark(service, epic, words or (), Output(as_json=as_json), remove=remove), server=server)
