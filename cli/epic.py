"""`genie epic …`: the options of each command; what they do stands in drive.py and look.py.

Modules that open the engine are imported when a command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import (
    AttemptsOption,
    AutonomyOption,
    BaseOption,
    BudgetOption,
    EpicArgument,
    ExecutorOption,
    GoalArgument,
    GoalFileOption,
    JsonOption,
    LabelOption,
    ModelOption,
    RepoOption,
    ServerOption,
    Status,
    YesOption,
    command_group,
)

app = command_group("Start epics, follow them, and carry them on.")


@app.command()
def start(
    goal: GoalArgument = None,
    goal_file: GoalFileOption = None,
    repo: RepoOption = ".",
    base: BaseOption = None,
    budget: BudgetOption = None,
    executor: ExecutorOption = None,
    model: ModelOption = None,
    autonomy: AutonomyOption = None,
    label: LabelOption = None,
    attempts: AttemptsOption = None,
    yes: YesOption = False,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Start an epic, and carry it on here.

    It runs until it is merged or waits for you. Ctrl-C stops it in good order: `genie epic resume` goes on where it was.
    """
    from cli import drive
    from cli.inputs import dollars, goal_from, labels_from, repository_for
    from cli.output import Output
    from cli.session import server_in, with_service
    from config.settings import Settings
    from engine.starting import StartEpic, with_defaults

    settings = Settings.from_env()
    remote = server_in(server, settings)
    order = StartEpic(
        goal=goal_from(goal, goal_file),
        repo=repository_for(remote, repo) if remote else repo,
        base=base,
        budget_usd=dollars(budget, "--budget"),
        executor=executor,
        model=model,
        autonomy=autonomy.value if autonomy else None,
        auto_approve=yes,
        labels=labels_from(label or ()),
        attempts=attempts,
    )
    if remote is None:
        # What this machine's settings say is for what this machine runs: a server has its own.
        order = with_defaults(order, settings)
    with_service(lambda service: drive.start(service, order, Output(as_json=as_json), detach=detach), server=server, settings=settings)


@app.command("list")
def list_epics(
    status: Annotated[Status | None, typer.Option("--status", help="Only epics with this status.", show_default=False)] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="DIR", help="Only epics of the repository that this is in.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="EPIC", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List epics, the newest first."""
    from cli import look
    from cli.inputs import repository_at
    from cli.output import Output
    from cli.session import with_service

    chosen = status.value if status else None
    place = repository_at(repo) if repo else None
    with_service(
        lambda service: look.list_epics(service, Output(as_json=as_json), status=chosen, repo=place, limit=limit, cursor=cursor),
        server=server,
    )


@app.command()
def show(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show an epic: where it is, its moments, its attempts."""
    from cli import look
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: look.show(service, epic, Output(as_json=as_json)), server=server)


@app.command()
def watch(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Follow an epic until it waits or ends.

    Whoever carries it on, its events come from the database. --json prints one event per line.
    """
    from cli import drive
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: drive.watch(service, epic, Output(as_json=as_json)), server=server)


@app.command()
def resume(epic: EpicArgument, yes: YesOption = False, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Carry an epic on from where it is.

    Here in the foreground, until it is merged or waits for you. Nothing that was paid for is bought again.
    """
    from cli import drive
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: drive.resume(service, epic, Output(as_json=as_json), auto_approve=True if yes else None), server=server)


@app.command()
def cancel(
    epic: EpicArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the epic.")] = "",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """End an epic; its branches and moments stay."""
    from cli import drive
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: drive.cancel(service, epic, Output(as_json=as_json), reason=reason), server=server)


@app.command()
def say(
    epic: EpicArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the agent reads, word for word; - reads it from stdin.")],
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Say something to the agent at work.

    It is told with its next call; if none is at work, the next attempt is told in its brief.
    """
    from cli.inputs import text_from
    from cli.output import Output
    from cli.saying import say as say_it
    from cli.session import with_service

    said = text_from(text)
    with_service(lambda service: say_it(service, epic, said, Output(as_json=as_json)), server=server)


@app.command()
def logs(
    epic: EpicArgument,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, metavar="N", help="Only this attempt.", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as long as the epic is at work.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show what the agents said and did.

    --json prints a list of turns; with --follow, one turn per line.
    """
    from cli import look
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: look.logs(service, epic, Output(as_json=as_json), attempt=attempt, follow=follow), server=server)


@app.command()
def diff(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show what an epic has changed so far.

    Piped on, it is a plain diff against the commit that the epic began from.
    """
    from cli import look
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: look.diff(service, epic, Output(as_json=as_json)), server=server)
