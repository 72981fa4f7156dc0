"""`genie asks …`: the options of each command; what they do stands in asking.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.options import JsonOption, ServerOption, command_group

app = command_group("Look after what was asked for with: genie ask TEXT")

AskArgument = Annotated[str, typer.Argument(metavar="ASK", help="Its id; an unambiguous beginning is enough.", show_default=False)]


class Status(StrEnum):
    """What a request can be."""

    NEEDS_CHOICE = "needs_choice"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@app.command("list")
def list_asks(
    status: Annotated[Status | None, typer.Option("--status", help="Only requests with this status.", show_default=False)] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="DIR", help="Only requests on the repository that this is in.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="ASK", help="Where an earlier list ended.", show_default=False)] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List requests, the newest first."""
    from cli import asking
    from cli.inputs import repository_at
    from cli.output import Output
    from cli.session import with_service

    asked = {"status": status.value if status else None, "repo": repository_at(repo) if repo else None, "cursor": cursor}
    with_service(lambda service: asking.list_asks(service, Output(as_json=as_json), **asked, limit=limit), server=server)


@app.command()
def show(ask: AskArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show a request: who does which part and why, and what came of it."""
    from cli import asking
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: asking.show(service, ask, Output(as_json=as_json)), server=server)


@app.command()
def watch(ask: AskArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Follow a request until it has ended, or waits for a person."""
    from cli import asking
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: asking.watch(service, ask, Output(as_json=as_json)), server=server)


@app.command()
def resume(ask: AskArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Carry a request on here that was interrupted, left, or waited for you."""
    from cli import asking
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: asking.resume(service, ask, Output(as_json=as_json)), server=server)


@app.command()
def choose(
    ask: AskArgument,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Who is to do it.", show_default=False)],
    part: Annotated[
        int | None, typer.Option("--part", metavar="N", min=1, help="The part; default: all that wait for a choice.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Say who does a part of a request for which the scores did not tell."""
    from cli import asking
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: asking.choose(service, ask, agent, part, Output(as_json=as_json)), server=server)


@app.command()
def cancel(
    ask: AskArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """End a request with all that does a part of it."""
    from cli import asking
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: asking.cancel(service, ask, Output(as_json=as_json), reason=reason), server=server)
