"""`genie worker …`: run epics that were left to workers, and see who does.

Modules that open the engine are imported when a command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import HELP, JsonOption, ServerOption

app = typer.Typer(
    help="Run the epics that were left to workers, until it is stopped.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings=HELP,
    add_completion=False,
)


@app.callback()
def worker(
    ctx: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", min=1, max=1000, metavar="N", help="Epics at once; default: GENIE_CONCURRENCY.", show_default=False),
    ] = None,
) -> None:
    """Run the epics that were left to workers, until it is stopped.

    SIGTERM or Ctrl-C lets the running steps end, or hands them over; a second one stops at once. Nothing is lost either way.
    """
    if ctx.invoked_subcommand is not None:
        return
    from cli.worker_process import serve_epics
    from config.settings import Settings

    serve_epics(Settings.from_env(), concurrency)


@app.command("list")
def list_workers(as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the workers, and what they do."""
    from cli import worker_list
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: worker_list.list_workers(service, Output(as_json=as_json)), server=server)


@app.command("check")
def check_worker(as_json: JsonOption = False) -> None:
    """Say whether a worker of this machine is alive, and end with 1 if none is: for health checks."""
    from cli import worker_list
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: worker_list.check_worker(engine, Output(as_json=as_json)))
