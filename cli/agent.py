"""`genie agent …`: the options of each command; what they do stands in workflows.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Look at the workflows, and check your own.")

RepositoryOption = Annotated[
    Path | None, typer.Option("--repo", metavar="DIR", help="Also those under .genie/agents of this checkout.", show_default=False)
]


@app.command("list", short_help="List the workflows, the broken ones too.")
def list_workflows(repo: RepositoryOption = None, as_json: JsonOption = False) -> None:
    """List the workflows, the broken ones with their error."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import list_workflows

    finish(lambda: list_workflows(Output(as_json=as_json), repo=repo))


@app.command(short_help="Show a workflow and its prompt.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a workflow.", show_default=False)],
    repo: RepositoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a workflow: its tools, limits, boundaries and prompt."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import show

    finish(lambda: show(name, Output(as_json=as_json), repo=repo))


@app.command(short_help="Check workflows, and say what is wrong.")
def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="One workflow's folder; default: all.", show_default=False)
    ] = None,
    repo: RepositoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check workflows, and name file and line of what is wrong; exit code 2 if something is."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import check

    finish(lambda: check(folder, Output(as_json=as_json), repo=repo))
