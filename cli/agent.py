"""`genie agent …`: the options of each command; what they do stands in workflows.py, agent_making.py and running.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import ExecutorOption, JsonOption, LabelOption, ModelOption, ServerOption, command_group

app = command_group("Look at the agents, workflows and those written in Python, make and check your own, and run one.")

RepositoryOption = Annotated[
    Path | None, typer.Option("--repo", metavar="DIR", help="Also those under .genie/agents of this checkout.", show_default=False)
]


@app.command("list", short_help="List the agents, the broken ones too.")
def list_workflows(repo: RepositoryOption = None, as_json: JsonOption = False) -> None:
    """List the workflows and the agents written in Python, the broken ones with their error."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import list_workflows

    finish(lambda: list_workflows(Output(as_json=as_json), repo=repo))


@app.command(short_help="Show an agent and its prompt.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a workflow or agent.", show_default=False)],
    repo: RepositoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a workflow, or an agent written in Python: its tools, limits, boundaries and prompt."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import show

    finish(lambda: show(name, Output(as_json=as_json), repo=repo))


@app.command(short_help="Use an agent again that is left out.")
def reset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a workflow or agent.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Use an agent again at once that is left out for a while because it kept failing."""
    from cli.left_out import reset
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: reset(engine, name, Output(as_json=as_json)))


@app.command(short_help="Run an agent without an epic.")
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a workflow or agent.", show_default=False)],
    task: Annotated[
        str | None, typer.Option("--task", "-t", metavar="TEXT", help="What is to be done; - reads it from stdin.", show_default=False)
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", "-m", metavar="TEXT", help="What is said to an agent; - reads it from stdin.", show_default=False),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", "-s", metavar="NAME", help="The conversation to go on with: a name or an id.", show_default=False),
    ] = None,
    repo: Annotated[
        str | None,
        typer.Option(
            "--repo",
            metavar="DIR",
            help="The git repository: a path or a URL; default: . for what needs one.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="BRANCH", help="The branch that counts as the base; default: its HEAD.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="REV", help="The commit to start from; default: the newest of the base branch.", show_default=False),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="For a variable of the prompt; NAME=@FILE reads a file.", show_default=False),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="USD", help="What it may cost; the call that would pass it is not made.", show_default=False),
    ] = None,
    executor: ExecutorOption = None,
    model: ModelOption = None,
    label: LabelOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Run a workflow on a repository, or an agent written in Python, without plan, gates and merge.

    What it changes comes on a branch of its own. Ctrl-C stops it in good order: `genie run resume` goes on where it was.
    """
    from cli import running
    from cli.inputs import dollars, labels_from, one_of, repository_for, text_from, variables_from
    from cli.output import Output
    from cli.session import server_in, with_service
    from config.settings import Settings
    from engine.runs.orders import StartRun, with_run_defaults

    settings = Settings.from_env()
    remote = server_in(server, settings)
    order = StartRun(
        workflow=name,
        repo=(repository_for(remote, repo) if remote else repo) if repo else "",
        task=text_from(one_of("--task", task, "--message", message) or ""),
        session=session,
        base=base,
        at=at,
        variables=variables_from(var or ()),
        budget_usd=dollars(budget, "--budget"),
        executor=executor,
        model=model,
        labels=labels_from(label or ()),
    )
    if remote is None:
        # As for epics: a server has settings of its own.
        order = with_run_defaults(order, settings)
    with_service(
        lambda service: running.begin(service, order, Output(as_json=as_json), detach=detach, server=remote),
        server=server,
        settings=settings,
    )


@app.command(short_help="Write an agent that works, to begin with.")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How it is called: a-z, 0-9 and _.", show_default=False)],
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where agents are; default: GENIE_AGENTS_DIR.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write an agent in Python that works, and say how it is run; change it into what you want."""
    from cli.agent_making import create
    from cli.output import Output
    from cli.process import finish

    finish(lambda: create(name, Output(as_json=as_json), directory=directory))


@app.command(short_help="Talk with an agent written in Python.")
def chat(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of an agent written in Python.", show_default=False)],
    session: Annotated[
        str | None,
        typer.Option("--session", "-s", metavar="NAME|ID", help="Go on with this conversation; a name begins one.", show_default=False),
    ] = None,
    repo: Annotated[
        str | None,
        typer.Option("--repo", metavar="DIR", help="What it is about: a path or a URL; default: no repository.", show_default=False),
    ] = None,
    budget: Annotated[str | None, typer.Option("--budget", metavar="USD", help="What each answer may cost.", show_default=False)] = None,
    executor: ExecutorOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Talk with an agent: each line is said, and what it answers is shown; /help lists what else there is.

    Ctrl-C stops an answer, and leaves where none is awaited. What stands on stdin is said line by line; --json prints a run for each.
    """
    from cli import chat_commands
    from cli.inputs import dollars, repository_at, repository_for
    from cli.output import Output
    from cli.session import server_in, with_service
    from config.settings import Settings
    from engine.runs.orders import StartRun, with_run_defaults

    settings = Settings.from_env()
    remote = server_in(server, settings)
    place = (repository_for(remote, repo) if remote else repository_at(repo)) if repo else ""
    order = StartRun(workflow=name, repo=place, budget_usd=dollars(budget, "--budget"), executor=executor, model=model)
    if remote is None:
        order = with_run_defaults(order, settings)
    with_service(
        lambda service: chat_commands.hold(service, order, Output(as_json=as_json), session=session), server=server, settings=settings
    )


@app.command(short_help="Check agents, and say what is wrong.")
def check(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="One folder; default: all.", show_default=False)] = None,
    repo: RepositoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check workflows and agents written in Python, and name file and line of what is wrong; exit code 2 if something is."""
    from cli.output import Output
    from cli.process import finish
    from cli.workflows import check

    finish(lambda: check(folder, Output(as_json=as_json), repo=repo))
