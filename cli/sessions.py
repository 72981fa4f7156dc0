"""`genie session …`: the options of each command; what they do stands in session_commands.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.options import JsonOption, ServerOption, command_group

app = command_group("Conversations with agents; hold one with: genie agent chat")

SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="Its id, an unambiguous beginning, or its name.", show_default=False)
]


class SessionStatus(StrEnum):
    """What a session can be."""

    OPEN = "open"
    CLOSED = "closed"


@app.command("list")
def list_sessions(
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only those with this agent.", show_default=False)] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="DIR", help="Only those about the repository that this is in.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only those of this name.", show_default=False)] = None,
    status: Annotated[SessionStatus | None, typer.Option("--status", help="Only those with this status.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="SESSION", help="Where an earlier list ended.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List conversations, the newest first."""
    from cli import session_commands
    from cli.inputs import repository_at
    from cli.output import Output
    from cli.session import with_service

    asked = {"agent": agent, "repo": repository_at(repo) if repo else None, "name": name, "status": status.value if status else None}
    with_service(
        lambda service: session_commands.list_sessions(service, Output(as_json=as_json), **asked, limit=limit, cursor=cursor), server=server
    )


@app.command()
def show(session: SessionArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show a conversation: with whom, about what, how long it is."""
    from cli import session_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: session_commands.show(service, session, Output(as_json=as_json)), server=server)


@app.command()
def messages(
    session: SessionArgument,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="N", help="Where an earlier list ended.", show_default=False)] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show what was said; with --json the provider's messages, to the letter."""
    from cli import session_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(
        lambda service: session_commands.messages(service, session, Output(as_json=as_json), limit=limit, cursor=cursor, newest=newest),
        server=server,
    )


@app.command()
def create(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The name of an agent written in Python.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="To find it again.", show_default=False)] = None,
    repo: Annotated[
        str | None,
        typer.Option("--repo", metavar="DIR", help="What it is about: a path or a URL; default: no repository.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Begin a conversation with an agent."""
    from cli import session_commands
    from cli.inputs import repository_for
    from cli.output import Output
    from cli.session import server_in, with_service
    from config.settings import Settings

    settings = Settings.from_env()
    remote = server_in(server, settings)
    place = repository_for(remote, repo) if remote and repo else repo
    with_service(
        lambda service: session_commands.create(service, agent, Output(as_json=as_json), name=name, repo=place),
        server=server,
        settings=settings,
    )


@app.command()
def close(session: SessionArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Let nothing more be said in a conversation."""
    from cli import session_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: session_commands.close(service, session, Output(as_json=as_json)), server=server)


@app.command()
def reopen(session: SessionArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Let a conversation go on that was closed."""
    from cli import session_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: session_commands.reopen(service, session, Output(as_json=as_json)), server=server)


@app.command()
def remove(session: SessionArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Forget a conversation with all that was said in it; its runs stay."""
    from cli import session_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: session_commands.remove(service, session, Output(as_json=as_json)), server=server)
