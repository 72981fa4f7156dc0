"""`genie memory …`: the options of each verb about knowledge; what they do stands in knowledge_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, RepoOption, ServerOption, command_group

app = command_group("What past work on a repository taught, and the variables that prompts are filled in with.")

GroupOption = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="GROUP",
        help="patterns, decisions, procedures, learning or context; may be given several times.",
        show_default=False,
    ),
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="Only what held then, such as 2026-03-31.", show_default=False)
]
FactArgument = Annotated[str, typer.Argument(metavar="FACT", help="The id of a fact: f-…", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="How many at most.")]
AllOption = Annotated[bool, typer.Option("--all", help="Of all repositories.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command(short_help="Find what is known.")
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words, a sentence or a question.", show_default=False)],
    repo: RepoOption = ".",
    group: GroupOption = None,
    as_of: AsOfOption = None,
    around: Annotated[
        str | None, typer.Option("--around", metavar="NAME", help="What is near this entity comes first.", show_default=False)
    ] = None,
    limit: LimitOption = 10,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Find what is known of a repository: by words, by meaning where a model for that is set, and by what belongs together."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    asked = knowledge_commands.query(repo, text, groups=group, as_of=as_of, around=around, limit=limit)
    with_service(lambda service: knowledge_commands.search(service, Output(as_json=as_json), asked), server=server)


@app.command("list", short_help="List what is known, the newest first.")
def list_facts(
    repo: RepoOption = ".",
    group: GroupOption = None,
    as_of: AsOfOption = None,
    about: Annotated[
        str | None, typer.Option("--about", metavar="NAME", help="Only facts that name this entity.", show_default=False)
    ] = None,
    limit: LimitOption = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="FACT", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List what is known of a repository, the newest first."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    asked = knowledge_commands.listing(repo, groups=group, as_of=as_of, about=about, limit=limit, cursor=cursor)
    with_service(lambda service: knowledge_commands.list_facts(service, Output(as_json=as_json), asked), server=server)


@app.command(short_help="Show one fact, and where it comes from.")
def show(fact: FactArgument, repo: RepoOption = ".", as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show one fact: since when it holds, since when Genie knows it, and who told it."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: knowledge_commands.show(service, Output(as_json=as_json), repo, fact), server=server)


@app.command(short_help="List what facts are about.")
def entities(
    repo: RepoOption = ".",
    group: GroupOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the files, commands, libraries and people that facts name, that which most name first."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(
        lambda service: knowledge_commands.entities(service, Output(as_json=as_json), repo, groups=group, limit=limit), server=server
    )


@app.command(short_help="Tell how much is known.")
def stats(repo: RepoOption = ".", everything: AllOption = False, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Tell how much is known, and how much waits to be stored."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    where = None if everything else repo
    with_service(lambda service: knowledge_commands.stats(service, Output(as_json=as_json), where), server=server)


@app.command(short_help="List what waits to be stored.")
def queue(
    repo: RepoOption = ".",
    everything: AllOption = False,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Have it tried now.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List what was told and is not stored: what waits, why it could not be stored yet, and what was given up."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    where = None if everything else repo
    with_service(
        lambda service: knowledge_commands.queue(service, Output(as_json=as_json), where, dead=dead, retry=retry, limit=limit),
        server=server,
    )


@app.command(short_help="Tell something worth knowing.")
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it is; - reads it from stdin.", show_default=False)],
    repo: RepoOption = ".",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What it is about.")] = "Told by a person",
    group: Annotated[str, typer.Option("--group", metavar="GROUP", help="Where it is kept.")] = "context",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Tell something that later epics and agents on the repository are to know."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    with_service(
        lambda service: knowledge_commands.add(service, Output(as_json=as_json), repo, text, title=title, group=group), server=server
    )


@app.command(short_help="Forget a fact, an episode or a group.")
def forget(
    fact: Annotated[str | None, typer.Argument(metavar="FACT", help="The id of a fact: f-…", show_default=False)] = None,
    repo: RepoOption = ".",
    episode: Annotated[
        str | None, typer.Option("--episode", metavar="KEY", help="All that was told by this key.", show_default=False)
    ] = None,
    group: GroupOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Forget for good: what is told again by the same key stays forgotten, after a rebuild too."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    asked = knowledge_commands.forgetting(repo, fact=fact, episode=episode, groups=group)
    with_service(lambda service: knowledge_commands.forget(service, Output(as_json=as_json), asked, yes=yes), server=server)


@app.command(short_help="Store all that was ever told again.")
def rebuild(
    repo: RepoOption = ".",
    everything: AllOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Throw away what the store holds and store all that was ever told again, but for what is forgotten."""
    from cli import knowledge_commands
    from cli.output import Output
    from cli.session import with_service

    where = None if everything else repo
    with_service(lambda service: knowledge_commands.rebuild(service, Output(as_json=as_json), where, yes=yes), server=server)
