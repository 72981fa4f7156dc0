"""`genie prompt …`: the options of each command; what they do stands in prompt_commands.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, ServerOption, command_group

app = command_group("What agents written in Python are told first, in versions of which one is active.")

AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="The name of an agent written in Python.", show_default=False)]
VersionArgument = Annotated[int, typer.Argument(metavar="VERSION", min=1, max=2**31 - 1, help="Its number.", show_default=False)]
KeyOption = Annotated[str, typer.Option("--key", metavar="KEY", help="Which of the agent's prompts.")]


@app.command("list")
def list_prompts(
    agent: Annotated[str | None, typer.Argument(metavar="AGENT", help="Only those of this agent.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="Only those of this status key.", show_default=False)] = None,
    active: Annotated[bool, typer.Option("--active", help="Only the active ones.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="WORD", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List versions, the newest first."""
    from cli import prompt_commands
    from cli.output import Output
    from cli.session import with_service

    asked = {"agent": agent, "status_key": key, "active": active, "limit": limit, "cursor": cursor}
    with_service(lambda service: prompt_commands.list_prompts(service, Output(as_json=as_json), asked), server=server)


@app.command()
def show(
    agent: AgentArgument,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, max=2**31 - 1, help="Default: the active one.", show_default=False)
    ] = None,
    key: KeyOption = "default",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show a version of a prompt."""
    from cli import prompt_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: prompt_commands.show(service, agent, Output(as_json=as_json), key=key, version=version), server=server)


@app.command()
def add(
    agent: AgentArgument,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="A template with {{variables}}; - reads it from stdin.", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the text from a file.", show_default=False)] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--default", metavar="NAME=VALUE", help="For a variable that no memory gives.", show_default=False),
    ] = None,
    key: KeyOption = "default",
    activate: Annotated[bool, typer.Option("--activate", help="Let it be the active one at once.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Add the next version; nobody is told it before it is activated."""
    from cli import prompt_commands
    from cli.inputs import one_text, variables_from
    from cli.output import Output
    from cli.session import with_service

    said, defaults = one_text(text, file, "--text", "--file"), variables_from(var or (), "--default")
    with_service(
        lambda service: prompt_commands.add(
            service, agent, Output(as_json=as_json), text=said, key=key, variables=defaults, activate=activate
        ),
        server=server,
    )


@app.command()
def activate(
    agent: AgentArgument, version: VersionArgument, key: KeyOption = "default", as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Let runs that begin from now on be told this version."""
    from cli import prompt_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: prompt_commands.activate(service, agent, version, Output(as_json=as_json), key=key), server=server)


@app.command()
def diff(
    agent: AgentArgument,
    old: VersionArgument,
    new: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", min=1, max=2**31 - 1, help="Default: the active one.", show_default=False)
    ] = None,
    key: KeyOption = "default",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show what differs between two versions."""
    from cli import prompt_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: prompt_commands.diff(service, agent, (old, new), Output(as_json=as_json), key=key), server=server)
