"""`genie doctor`: what this machine has, what it lacks, and the way out of each."""

from __future__ import annotations

import typer

from cli.options import HELP, JsonOption

app = typer.Typer(rich_markup_mode=None, context_settings=HELP, add_completion=False)


@app.command(short_help="Check what this machine has and lacks.")
def doctor(as_json: JsonOption = False) -> None:
    """Check that this machine has what Genie needs; exit code 1 if something is in the way."""
    from cli.checks import examine
    from cli.output import Output
    from cli.process import finish

    finish(lambda: examine(Output(as_json=as_json)))
