"""`genie ask`: the options of the command; what it does stands in asking.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import HELP, BaseOption, ExecutorOption, JsonOption, LabelOption, ModelOption, ServerOption

app = typer.Typer(rich_markup_mode=None, context_settings=HELP, add_completion=False)


@app.command(short_help="Ask for something in free words; agents are found for it.")
def ask(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What you want; it may be several things. - reads it from stdin.", show_default=False)
    ],
    repo: Annotated[
        str | None,
        typer.Option("--repo", metavar="DIR", help="The git repository: a path or a URL; default: the one you are in.", show_default=False),
    ] = None,
    no_repo: Annotated[bool, typer.Option("--no-repo", help="It is about no repository.")] = False,
    base: BaseOption = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", metavar="NAME", help="Who is to do all of it, whatever the scores say; epic: to a merge.", show_default=False
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="USD", help="What all parts together may cost.", show_default=False)
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the scores of all who could do each part.")] = False,
    executor: ExecutorOption = None,
    model: ModelOption = None,
    label: LabelOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Ask for something in free words: it is split into parts, and each goes to the agent that declares the skills for it.

    Where the scores do not tell who should do a part, you are asked. Parts that do not need each other are done side by side.
    """
    from cli import asking
    from cli.inputs import dollars, labels_from, repository_for, text_from
    from cli.output import Output
    from cli.session import server_in, with_service
    from config.settings import Settings
    from engine.routing.orders import Ask, with_ask_defaults

    settings = Settings.from_env()
    remote, place = server_in(server, settings), None if no_repo else repo or "."
    order = Ask(
        text=text_from(text),
        repo=repository_for(remote, place) if remote and place else place,
        base=base,
        agent=agent,
        budget_usd=dollars(budget, "--budget"),
        executor=executor,
        model=model,
        labels=labels_from(label or ()),
    )
    if remote is None:
        # As for epics: a server has settings of its own.
        order = with_ask_defaults(order, settings)
    with_service(
        lambda service: asking.ask(service, order, Output(as_json=as_json), explain=explain, detach=detach),
        server=server,
        settings=settings,
    )
