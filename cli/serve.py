"""`genie serve`: the options; what it does stands in api/server.py and supervise.py."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli.options import HELP

app = typer.Typer(rich_markup_mode=None, context_settings=HELP, add_completion=False)

PORT: Final = 8321


@app.command(short_help="Serve the HTTP API, with workers beside it.")
def serve(
    host: Annotated[str, typer.Option("--host", metavar="H", help="The address to listen at; only this machine's own.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=0, max=64, help="How many processes work on epics.")] = 1,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, max=1_000, help="How many epics each of them has at once.", show_default=False),
    ] = None,
) -> None:
    """Serve the HTTP API, and work on epics beside it.

    Any number of these, and of `genie worker`, may share a database: they behave as one. Ctrl-C or SIGTERM ends it in good order: open
    streams are closed, and each worker hands over what it was at.
    """
    from cli.process import finish
    from cli.serving import Asked, serve_until_stopped
    from config.settings import Settings

    asked = Asked(host=host, port=port, workers=workers, concurrency=concurrency)
    settings = Settings.from_env()
    finish(lambda: serve_until_stopped(settings, asked))
