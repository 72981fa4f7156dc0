"""`genie memory …`: the verbs about variables beside those about knowledge; what they do stands in variable_commands.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.knowledge import app
from cli.options import JsonOption, ServerOption

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a variable, as {{name}} in a prompt.", show_default=False)]
OfRepository = Annotated[str | None, typer.Option("--repo", metavar="DIR", help="Of this repository.", show_default=False)]
OfAgent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Of this agent.", show_default=False)]
OfSession = Annotated[
    str | None, typer.Option("--session", metavar="SESSION", help="Of this session: its id or its name.", show_default=False)
]


@app.command("set")
def set_variable(
    name: NameArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it stands for; - reads it from stdin.", show_default=False)],
    repo: OfRepository = None,
    agent: OfAgent = None,
    session: OfSession = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Keep a value for a variable of prompts: of a repository, an agent or a session; of the installation if none is named."""
    from cli import variable_commands
    from cli.inputs import text_from
    from cli.output import Output
    from cli.session import with_service

    whose, said = _whose(repo, agent, session, server), text_from(value)
    with_service(lambda service: variable_commands.set_variable(service, whose, name, said, Output(as_json=as_json)), server=server)


@app.command("get")
def get_variable(
    name: NameArgument,
    repo: OfRepository = None,
    agent: OfAgent = None,
    session: OfSession = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show the value of a variable, of exactly this owner."""
    from cli import variable_commands
    from cli.output import Output
    from cli.session import with_service

    whose = _whose(repo, agent, session, server)
    with_service(lambda service: variable_commands.get_variable(service, whose, name, Output(as_json=as_json)), server=server)


@app.command("unset")
def unset_variable(
    name: NameArgument,
    repo: OfRepository = None,
    agent: OfAgent = None,
    session: OfSession = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Forget the value of a variable, of exactly this owner."""
    from cli import variable_commands
    from cli.output import Output
    from cli.session import with_service

    whose = _whose(repo, agent, session, server)
    with_service(lambda service: variable_commands.unset_variable(service, whose, name, Output(as_json=as_json)), server=server)


@app.command()
def variables(
    repo: OfRepository = None,
    agent: OfAgent = None,
    session: OfSession = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="WORD", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List variables and their values; those of one owner, if one is named."""
    from cli import variable_commands
    from cli.output import Output
    from cli.session import with_service

    whose = _whose(repo, agent, session, server)
    with_service(
        lambda service: variable_commands.list_variables(service, whose, Output(as_json=as_json), limit=limit, cursor=cursor), server=server
    )


def _whose(repo: str | None, agent: str | None, session: str | None, server: str | None) -> Any:
    from cli.inputs import repository_for
    from cli.session import server_in
    from config.settings import Settings
    from engine.memories_for_faces import Whose

    remote = server_in(server, Settings.from_env()) if repo else None
    return Whose(repo=repository_for(remote, repo) if remote and repo else repo, agent=agent, session=session)
