"""`genie run …`: the options of each command; what they do stands in running.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, RunStatus, ServerOption, command_group

app = command_group("Look after workflows that run without an epic; start one with: genie agent run")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id; an unambiguous beginning is enough.", show_default=False)]


@app.command("list")
def list_runs(
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only runs with this status.", show_default=False)] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="DIR", help="Only runs on the repository that this is in.", show_default=False)
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="NAME", help="Only runs of this workflow.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="RUN", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List runs, the newest first."""
    from cli import running
    from cli.inputs import repository_at
    from cli.output import Output
    from cli.session import with_service

    asked = {"status": status.value if status else None, "repo": repository_at(repo) if repo else None, "workflow": workflow}
    with_service(lambda service: running.list_runs(service, Output(as_json=as_json), **asked, limit=limit, cursor=cursor), server=server)


@app.command()
def show(run: RunArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show a run, and what its agent handed back."""
    from cli import running
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: running.show(service, run, Output(as_json=as_json)), server=server)


@app.command()
def watch(run: RunArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Follow a run until it ends; --json prints one event per line."""
    from cli import running
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: running.watch(service, run, Output(as_json=as_json)), server=server)


@app.command()
def resume(run: RunArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Carry a run on here that was interrupted or left; nothing that was paid for is bought again."""
    from cli import running
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: running.resume(service, run, Output(as_json=as_json)), server=server)


@app.command()
def logs(run: RunArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show what the agent said and did, turn by turn."""
    from cli import running
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: running.logs(service, run, Output(as_json=as_json)), server=server)


@app.command()
def cancel(
    run: RunArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the run.")] = "",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """End a run."""
    from cli import running
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: running.cancel(service, run, Output(as_json=as_json), reason=reason), server=server)
