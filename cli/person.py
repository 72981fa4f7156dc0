"""`genie person …`: the options of each command; what they do stands in person_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import GrantOption, GrantRepoOption, JsonOption, RoleOption, command_group

app = command_group("People: what each may do, and what each channel knows them by.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The one name that a person has here.", show_default=False)]
GroupOption = Annotated[list[str] | None, typer.Option("--group", metavar="G", help="May be given several times.", show_default=False)]
SlackOption = Annotated[
    list[str] | None, typer.Option("--slack", metavar="T/U", help="A Slack team and user, such as T024BE7LD/U012A3CDE.", show_default=False)
]
OsOption = Annotated[list[str] | None, typer.Option("--os", metavar="USER", help="A user of the operating system.", show_default=False)]
JwtOption = Annotated[
    list[str] | None,
    typer.Option("--jwt", metavar="'ISS SUB'", help="Issuer and subject of an identity provider's tokens.", show_default=False),
]


@app.command(short_help="Add a person, or a program that acts by itself.")
def add(
    name: NameArgument,
    role: RoleOption = None,
    repo: GrantRepoOption = None,
    grant: GrantOption = None,
    group: GroupOption = None,
    slack: SlackOption = None,
    os: OsOption = None,
    jwt: JwtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person, or a program that acts by itself. Without a role they may do nothing."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine
    from epics.granting import grants_from

    grants, known_by = grants_from(role, repo or (), grant or ()), person_commands.identities(os=os, slack=slack, jwt=jwt)
    with_engine(lambda engine: person_commands.add(engine, Output(as_json=as_json), name, grants, groups=group or (), identities=known_by))


@app.command("list", short_help="List the people.")
def list_people(as_json: JsonOption = False) -> None:
    """List the people: roles, groups, what they are known by, how many keys."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: person_commands.list_people(engine, Output(as_json=as_json)))


@app.command(short_help="Show a person.")
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show all that is known of a person."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: person_commands.show(engine, Output(as_json=as_json), name))


@app.command("set", short_help="Give a person other roles or groups.")
def set_person(
    name: NameArgument,
    role: RoleOption = None,
    repo: GrantRepoOption = None,
    grant: GrantOption = None,
    group: GroupOption = None,
    no_role: Annotated[bool, typer.Option("--no-role", help="Take all roles away.")] = False,
    no_group: Annotated[bool, typer.Option("--no-group", help="Take it out of all groups.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a person other roles or groups, in place of those so far; what is not given stays."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine
    from epics.granting import grants_from

    given = grants_from(role, repo or (), grant or ())
    if (no_role and given) or (no_group and group) or not (given or group or no_role or no_group):
        raise typer.BadParameter("give --role or --grant, or --no-role; --group or --no-group")
    grants = given if given or no_role else None
    groups = tuple(group or ()) if group or no_group else None
    with_engine(lambda engine: person_commands.change(engine, Output(as_json=as_json), name, grants=grants, groups=groups))


@app.command(short_help="Let a channel know a person.")
def link(name: NameArgument, slack: SlackOption = None, os: OsOption = None, jwt: JwtOption = None, as_json: JsonOption = False) -> None:
    """Let a channel know a person by a name too."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine

    known_by = person_commands.identities(os=os, slack=slack, jwt=jwt, needed=True)
    with_engine(lambda engine: person_commands.link(engine, Output(as_json=as_json), name, known_by))


@app.command(short_help="Let a channel not know a person any more.")
def unlink(name: NameArgument, slack: SlackOption = None, os: OsOption = None, jwt: JwtOption = None, as_json: JsonOption = False) -> None:
    """Let a channel not know a person by a name any more."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine

    known_by = person_commands.identities(os=os, slack=slack, jwt=jwt, needed=True)
    with_engine(lambda engine: person_commands.unlink(engine, Output(as_json=as_json), name, known_by))


@app.command(short_help="Remove a person and all keys.")
def remove(name: NameArgument) -> None:
    """Remove a person, and end all keys and tokens at once; what the person did stays told."""
    from cli import person_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: person_commands.remove(engine, Output(), name))
