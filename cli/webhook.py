"""`genie webhook …`: the options of each command; what they do stands in webhook_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Tell others what happens to epics, by signed messages over HTTP.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a webhook.", show_default=False)]


@app.command(short_help="Send messages to a URL from now on.")
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where they are sent: https, in the public internet.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What it is called; default: the URL's host.", show_default=False)
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="TYPE", help="May be given several times; default: all.", show_default=False)
    ] = None,
    secret_from_env: Annotated[
        str | None,
        typer.Option(
            "--secret-from-env", metavar="VAR", help="The variable that holds the secret; default: a new one.", show_default=False
        ),
    ] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private", help="It is in a private network, and may be plain http.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send messages to a URL from now on. A secret that Genie makes is shown this once."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    secret = webhook_commands.secret_in(settings, secret_from_env)
    output = Output(as_json=as_json)
    with_engine(
        lambda engine: webhook_commands.add(engine, output, url, name=name, events=event or [], secret=secret, allow_private=allow_private),
        settings=settings,
    )


@app.command("list", short_help="List the webhooks and what waits for each.")
def list_webhooks(as_json: JsonOption = False) -> None:
    """List the webhooks, with what waits for each and what was given up."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: webhook_commands.list_webhooks(engine, Output(as_json=as_json)))


@app.command("test", short_help="Send a ping now, and show the answer.")
def ping(name: NameArgument, as_json: JsonOption = False) -> None:
    """Send a ping now, signed as all messages are, and show the answer; exit code 1 if it was not taken."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: webhook_commands.test(engine, Output(as_json=as_json), name))


@app.command(short_help="Send nothing there any more.")
def remove(name: NameArgument) -> None:
    """Send nothing there any more; what waited for it is forgotten."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: webhook_commands.remove(engine, Output(), name))


@app.command(short_help="List the messages to a webhook.")
def deliveries(
    name: NameArgument,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the messages to a webhook, newest first, and what became of each."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: webhook_commands.deliveries(engine, Output(as_json=as_json), name, dead=dead, limit=limit))


@app.command(short_help="Send messages again.")
def resend(
    message: Annotated[int | None, typer.Argument(metavar="ID", help="The number of a message.", show_default=False)] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="With --dead: of one webhook only.", show_default=False)
    ] = None,
) -> None:
    """Send a message again, or with --dead all that were given up; a worker does it, and the id stays the same."""
    from cli import webhook_commands
    from cli.output import Output
    from cli.session import with_engine

    if (message is None) is not dead or (name is not None and not dead):
        raise typer.BadParameter("give the ID of one message, or --dead, which may have a --name")
    with_engine(lambda engine: webhook_commands.resend(engine, Output(), message, name))
