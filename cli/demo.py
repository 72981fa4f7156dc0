"""`genie demo`: a whole epic on a sample repository; what it does stands in demonstration.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import HELP, JsonOption

app = typer.Typer(rich_markup_mode=None, context_settings=HELP, add_completion=False)


@app.command()
def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Where the sample repository goes; default: under GENIE_HOME/demo.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes/--ask", help="Approve plan and merge by itself, or ask you.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Run a whole epic on a sample repository.

    A script plays the model, so it needs no key and costs nothing. All else is real: the database, git, the tests, the gates.
    One attempt leaves the plan's bounds and one breaks the tests, on purpose.
    """
    from cli.demonstration import demonstrate
    from cli.output import Output
    from cli.process import finish

    finish(lambda: demonstrate(Output(as_json=as_json), keep=keep, ask=not yes))
