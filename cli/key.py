"""`genie key …`: the options of each command; what they do stands in key_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import GrantOption, GrantRepoOption, JsonOption, RoleOption, ServerOption, command_group

app = command_group("Keys and tokens: who may ask a server, and for what.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, or its prefix.", show_default=False)]
PersonOption = Annotated[str | None, typer.Option("--person", metavar="P", help="Who asks with it; default: you.", show_default=False)]


@app.command(short_help="Make a key, and show it this once.")
def create(
    name: Annotated[str, typer.Option("--name", "-n", metavar="N", help="What it is for.", show_default=False)],
    role: RoleOption = None,
    repo: GrantRepoOption = None,
    grant: GrantOption = None,
    person: PersonOption = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="After how long, such as 90d; default: never.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Make a key, and show it this once. It is worth what you say, and never more than its person is."""
    from cli import key_commands
    from cli.lasting import time_in
    from cli.output import Output
    from cli.session import with_service
    from epics.granting import grants_from

    grants = grants_from(role, repo or (), grant or ())
    lasts = None if expires is None else time_in(expires, "--expires")
    with_service(
        lambda service: key_commands.create(service, Output(as_json=as_json), name, grants, person=person, lasts=lasts), server=server
    )


@app.command("list", short_help="List the keys.")
def list_keys(person: PersonOption = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the keys: whose, worth what, until when, used when; never the secret."""
    from cli import key_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: key_commands.list_keys(service, Output(as_json=as_json), person), server=server)


@app.command(short_help="Give a key another secret.")
def rotate(
    key: KeyArgument,
    grace: Annotated[str, typer.Option("--grace", metavar="TIME", help="How long the secret so far still holds.")] = "24h",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Give a key another secret, shown this once; the one so far holds for a grace."""
    from cli import key_commands
    from cli.lasting import time_in
    from cli.output import Output
    from cli.session import with_service

    left = time_in(grace, "--grace")
    with_service(lambda service: key_commands.rotate(service, Output(as_json=as_json), key, left), server=server)


@app.command(short_help="End a key or a token, at once.")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, its prefix, or the id of a token, t-….", show_default=False)],
    jti: Annotated[bool, typer.Option("--jti", help="It is the `jti` of a token of the identity provider.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """End a key or a token, at once and everywhere; there is no way back."""
    from cli import key_commands
    from cli.output import Output
    from cli.session import with_engine, with_service
    from epics.ids import is_id

    if not jti and not is_id(key, "t"):
        with_service(lambda service: key_commands.revoke(service, Output(as_json=as_json), key), server=server)
    elif server is None:
        with_engine(lambda engine: key_commands.revoke_token(engine, Output(), key))
    else:
        raise typer.BadParameter("a token is taken back where the database is: leave --server out")


@app.command(short_help="Sign a token that holds for a day at most.")
def token(
    ttl: Annotated[str, typer.Option("--ttl", metavar="TIME", help="How long it holds, at most 24h.")] = "1h",
    role: RoleOption = None,
    repo: GrantRepoOption = None,
    grant: GrantOption = None,
    person: PersonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a token that holds for a short time, and show it this once: nothing of it is kept."""
    from cli import key_commands
    from cli.lasting import time_in
    from cli.output import Output
    from cli.session import with_engine
    from epics.granting import grants_from

    lasts, grants = time_in(ttl, "--ttl"), grants_from(role, repo or (), grant or ()) or None
    with_engine(lambda engine: key_commands.token(engine, Output(as_json=as_json), lasts, grants=grants, person=person))
