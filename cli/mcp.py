"""`genie mcp …`: the options of each command; what they do stands in mcp_commands.py and mcp_files.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, ServerOption, command_group

app = command_group("Connect agents to MCP servers.")


@app.command(short_help="List the ready-made entries.")
def catalog(as_json: JsonOption = False) -> None:
    """List the servers that `genie mcp add` knows by name."""
    from cli import mcp_files
    from cli.output import Output
    from cli.process import finish

    finish(lambda: mcp_files.catalog(Output(as_json=as_json)))


RepositoryOption = Annotated[
    Path | None,
    typer.Option("--repo", metavar="DIR", help="Also workflows of this checkout; its pins, not those for all.", show_default=False),
]
ProjectOption = Annotated[
    str | None,
    typer.Option("--project", metavar="URL", help="Whose pins, where epics name the repository by another name.", show_default=False),
]
ServerArgument = Annotated[str, typer.Argument(metavar="NAME", help="What .mcp.json calls the server.", show_default=False)]


@app.command("list", short_help="List the servers that workflows name.")
def list_servers(repo: RepositoryOption = None, as_json: JsonOption = False) -> None:
    """List the servers that workflows and agents name; none is started."""
    from cli import mcp_commands
    from cli.output import Output
    from cli.process import finish

    finish(lambda: mcp_commands.list_servers(Output(as_json=as_json), repo=repo))


@app.command(short_help="Start servers, list their tools, and say what is wrong.")
def check(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One server; default: all.", show_default=False)] = None,
    repo: RepositoryOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start servers here, list their tools with what is allowed and pinned of them, and end them; exit code 1 if one cannot be used."""
    from cli import mcp_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    servers = mcp_commands.servers_in(settings, repo, name)
    with_engine(lambda engine: mcp_commands.check(engine, Output(as_json=as_json), servers, repo, project), settings=settings)


@app.command(short_help="List the tools that are accepted.")
def pins(repo: RepositoryOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the tools of servers that are accepted: by their first use, or by a person."""
    from cli import mcp_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: mcp_commands.pins(engine, Output(as_json=as_json), repo, project))


@app.command(short_help="Accept the tools that a server lists now.")
def pin(name: ServerArgument, repo: RepositoryOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Accept the tools that a server lists now, in place of what was accepted of it: look with `genie mcp check` first."""
    from cli import mcp_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    servers = mcp_commands.servers_in(settings, repo, name)
    with_engine(lambda engine: mcp_commands.pin(engine, Output(as_json=as_json), servers, repo, project), settings=settings)


@app.command(short_help="Forget what is accepted of a server.")
def unpin(name: ServerArgument, repo: RepositoryOption = None, project: ProjectOption = None) -> None:
    """Forget what is accepted of a server: its next use accepts what it lists then."""
    from cli import mcp_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: mcp_commands.unpin(engine, Output(), name, repo, project))


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


@app.command(short_help="Be an MCP server: let other agents start, follow and decide epics.")
def serve(
    http: Annotated[bool, typer.Option("--http", help="Listen for HTTP with keys, in place of speaking on the standard streams.")] = False,
    host: Annotated[str, typer.Option("--host", metavar="H", help="With --http: the address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65_535, help="With --http: 0 takes a free one.")] = 8322,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=0, max=64, help="How many processes work on epics beside it.")] = 0,
    *,
    read_only: Annotated[bool, typer.Option("--read-only", help="Offer only tools that change nothing.")] = False,
    tools: Annotated[str | None, typer.Option("--tools", metavar="A,B", help="Offer only these tools.", show_default=False)] = None,
    server: ServerOption = None,
) -> None:
    """Be an MCP server: on the standard streams for the client that starts this, as whoever calls it; or with --http, for those with keys.

    Epics are carried on by workers: those of `genie serve` or `genie worker`, or --workers beside this.
    """
    from cli.process import finish
    from config.settings import Settings

    settings = Settings.from_env()
    if http:
        from cli.serving import mcp_alone, serve_until_stopped
        from epics.errors import InvalidInput

        if server is not None:
            raise InvalidInput("--http serves this machine's database, and --server names another: leave one of the two out")
        asked = mcp_alone(host, port, workers, tools=tools, read_only=read_only)
        finish(lambda: serve_until_stopped(settings, asked))
        return
    from cli.mcp_serving import asked_for, serve_on_streams

    on_streams = asked_for(tools, workers, server, read_only=read_only)
    finish(lambda: serve_on_streams(settings, on_streams))
