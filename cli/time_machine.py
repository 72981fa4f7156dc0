"""`genie time …`: the options of each command; what they do stands in time_reading.py and its neighbours.

Modules that open the engine are imported when a command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import EpicArgument, JsonOption, ServerOption, command_group

MomentArgument = Annotated[
    str | None, typer.Argument(metavar="[MOMENT]", help="By number or name; default: the newest.", show_default=False)
]

app = command_group("Look at an epic's past, go back, fork, undo.")


@app.command()
def history(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show the moments of an epic as a tree.

    Filled circles lead to where the epic is, empty ones were left behind by going back.
    """
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.history(service, epic, Output(as_json=as_json)), server=server)


@app.command()
def show(epic: EpicArgument, moment: MomentArgument = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show everything about a moment: state, decisions, attempt, files, what came of it."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.show(service, epic, moment, Output(as_json=as_json)), server=server)


@app.command(short_help="Show what changed between two moments.")
def diff(
    epic: EpicArgument,
    begin: Annotated[str, typer.Argument(metavar="[A]", help="The earlier moment, by number or name; 0 is where the epic began.")] = "0",
    end: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The later moment, by number or name; default: the newest.", show_default=False)
    ] = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only which files, and how much of them.")] = False,
    state: Annotated[bool, typer.Option("--state", help="Only the fields of the state.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Only the files; piped on, a plain diff.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show what changed between two moments, in the state and in the files."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    parts = time_reading.Parts(state=state, files=files, stat=stat)
    with_service(lambda service: time_reading.diff(service, epic, begin, end, Output(as_json=as_json), parts), server=server)


@app.command(short_help="Show two epics of one repository side by side.")
def compare(
    epic: EpicArgument,
    other: Annotated[str, typer.Argument(metavar="EPIC", help="The other one.", show_default=False)],
    with_diff: Annotated[bool, typer.Option("--diff", help="Also what differs between their heads.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show two epics of one repository side by side: what each did since they parted, and what came of it."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.compare(service, epic, other, Output(as_json=as_json), with_diff=with_diff), server=server)


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
