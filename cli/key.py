"""`genie key …`: the options of each command; what they do stands in key_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import GrantOption, GrantRepoOption, JsonOption, RoleOption, command_group

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
) -> None:
    """Make a key, and show it this once. It is worth what you say, and never more than its person is."""
    from cli import key_commands
    from cli.lasting import time_in
    from cli.output import Output
    from cli.session import with_engine
    from epics.granting import grants_from

    grants = grants_from(role, repo or (), grant or ())
    lasts = None if expires is None else time_in(expires, "--expires")
    with_engine(lambda engine: key_commands.create(engine, Output(as_json=as_json), name, grants, person=person, lasts=lasts))


@app.command("list", short_help="List the keys.")
def list_keys(person: PersonOption = None, as_json: JsonOption = False) -> None:
    """List the keys: whose, worth what, until when, used when; never the secret."""
    from cli import key_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: key_commands.list_keys(engine, Output(as_json=as_json), person))


@app.command(short_help="Give a key another secret.")
def rotate(
    key: KeyArgument,
    grace: Annotated[str, typer.Option("--grace", metavar="TIME", help="How long the secret so far still holds.")] = "24h",
    as_json: JsonOption = False,
) -> None:
    """Give a key another secret, shown this once; the one so far holds for a grace."""
    from cli import key_commands
    from cli.lasting import time_in
    from cli.output import Output
    from cli.session import with_engine

    left = time_in(grace, "--grace")
    with_engine(lambda engine: key_commands.rotate(engine, Output(as_json=as_json), key, left))


@app.command(short_help="End a key or a token, at once.")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, its prefix, or the id of a token, t-….", show_default=False)],
    foreign: Annotated[bool, typer.Option("--jti", help="It is the `jti` of a token of the identity provider.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End a key or a token, at once and everywhere; there is no way back."""
    from cli import key_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: key_commands.revoke(engine, Output(as_json=as_json), key, foreign=foreign))


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
