"""`genie serve`: the options; what it does stands in api/server.py and supervise.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import HELP

app = typer.Typer(rich_markup_mode=None, context_settings=HELP, add_completion=False)

PORT: Final = 8321


@app.command(short_help="Serve the HTTP API, with workers beside it.")
def serve(
    host: Annotated[str, typer.Option("--host", metavar="H", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=0, max=64, help="How many processes work on epics.")] = 1,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, max=1_000, help="How many epics each of them has at once.", show_default=False),
    ] = None,
    *,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Serve HTTPS with this certificate (PEM).", show_default=False)
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key.", show_default=False)] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="What the server is called from elsewhere; may be given again.", show_default=False),
    ] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy with TLS stands in front.")] = False,
    no_keys: Annotated[bool, typer.Option("--no-keys", help="Let whoever reaches this port do everything; on this machine only.")] = False,
) -> None:
    """Serve the HTTP API, and work on epics beside it.

    Who asks shows a key; that of this machine's own command line is made in GENIE_HOME. An address that others can reach also needs
    --tls-cert and --tls-key, or --behind-proxy, and --name.

    Any number of these, and of `genie worker`, may share a database: they behave as one. Ctrl-C or SIGTERM ends it in good order: open
    streams are closed, and each worker hands over what it was at.
    """
    from cli.process import finish
    from cli.serving import Asked, serve_until_stopped
    from config.settings import Settings

    asked = Asked(
        host=host,
        port=port,
        workers=workers,
        concurrency=concurrency,
        tls_cert=tls_cert,
        tls_key=tls_key,
        names=tuple(name or ()),
        behind_proxy=behind_proxy,
        keys=not no_keys,
    )
    settings = Settings.from_env()
    finish(lambda: serve_until_stopped(settings, asked))
