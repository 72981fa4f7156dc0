"""`genie tool …`: the options of each command; what they do stands in tool_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Look at the tools that agents may be given.")


@app.command("list", short_help="List the tools that agents may be given.")
def list_tools(as_json: JsonOption = False) -> None:
    """List the tools, with what each is trusted with and what it leaves behind."""
    from cli.output import Output
    from cli.process import finish
    from cli.tool_commands import list_tools

    finish(lambda: list_tools(Output(as_json=as_json)))


@app.command(short_help="Show a tool and what it takes.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a tool.", show_default=False)], as_json: JsonOption = False
) -> None:
    """Show a tool: what it does, what it is trusted with, and its arguments."""
    from cli.output import Output
    from cli.process import finish
    from cli.tool_commands import show

    finish(lambda: show(name, Output(as_json=as_json)))
