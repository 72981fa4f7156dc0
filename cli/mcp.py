"""`genie mcp …`: the options of each command; what they do stands in mcp_commands.py and mcp_files.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Connect agents to MCP servers.")


@app.command(short_help="List the ready-made entries.")
def catalog(as_json: JsonOption = False) -> None:
    """List the servers that `genie mcp add` knows by name."""
    from cli import mcp_files
    from cli.output import Output
    from cli.process import finish

    finish(lambda: mcp_files.catalog(Output(as_json=as_json)))


@app.command(short_help="Write a server into the .mcp.json of a workflow.")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the catalog, or a name of your own.", show_default=False)],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND…]", help="The program of a server of your own.", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="The folder of the workflow or agent.")] = Path(),
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where a server of your own is.", show_default=False)] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="Sent to the URL; may be repeated.", show_default=False)
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="For the program; may be repeated.", show_default=False)
    ] = None,
    required: Annotated[bool, typer.Option("--required", help="An attempt fails where the server cannot be used.")] = False,
) -> None:
    """Write a server into the .mcp.json of a workflow: a ready-made one (see `genie mcp catalog`), a program, or a URL.

    Give no secret here: store it with `genie secret set mcp_NAME`, and write ${secret:mcp_NAME} in its place.
    """
    from cli import mcp_files
    from cli.output import Output
    from cli.process import finish

    asked = mcp_files.Added(
        name=name, command=tuple(command or ()), url=url, headers=tuple(header or ()), env=tuple(env or ()), required=required
    )
    finish(lambda: mcp_files.add(asked, folder, Output()))
