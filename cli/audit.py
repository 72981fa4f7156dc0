"""`genie audit …`: the options of each command; what they do stands in audit_commands.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("See who did what, and whether that record is whole.")

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="From a time on, such as 2026-11-21T10:00, or from an age on, such as 12h.", show_default=False
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="What was before a time.", show_default=False)]
AnchorOption = Annotated[
    str | None,
    typer.Option("--anchor", metavar="N:HASH", help="What an earlier check printed: that row must be the same.", show_default=False),
]


@app.command("list", short_help="List who did what, the newest first.")
def list_rows(
    person: Annotated[str | None, typer.Option("--person", metavar="NAME", help="Who did it.", show_default=False)] = None,
    epic: Annotated[str | None, typer.Option("--epic", metavar="EPIC", help="Its id or the beginning of it.", show_default=False)] = None,
    deed: Annotated[
        str | None, typer.Option("--deed", metavar="DEED", help="What was done: start, decide, cancel …", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="What it was done to: epic, approval, key …", show_default=False)
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List who did what, the newest first: on which approval, with which content, from where, and what came of it."""
    from cli import audit_commands
    from cli.output import Output
    from cli.session import with_engine
    from engine.audit import AuditFilter

    asked = AuditFilter(
        person=person,
        epic=epic,
        deed=deed,
        kind=kind,
        since=audit_commands.time_in(since, "--since"),
        until=audit_commands.time_in(until, "--until"),
        refused=refused,
    )
    with_engine(lambda engine: audit_commands.list_rows(engine, Output(as_json=as_json), asked, limit))


@app.command(short_help="Check that no row was changed, taken away or put in.")
def verify(
    anchor: AnchorOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Check an exported file, without the database.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no row was changed, taken away or put in; else name the first such row, with exit code 1."""
    from cli import audit_commands
    from cli.output import Output
    from cli.process import finish
    from cli.session import with_engine
    from epics.audit import Anchor

    kept, output = None if anchor is None else Anchor.parsed(anchor), Output(as_json=as_json)
    if file is not None:
        finish(lambda: audit_commands.verify_file(output, file, kept))
    else:
        with_engine(lambda engine: audit_commands.verify(engine, output, kept))


@app.command(short_help="Write the audit into a file that can be checked anywhere.")
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.", show_default=False)],
    since: SinceOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the rows into a file that only you can read, as JSON, one in each line, with their hashes."""
    from cli import audit_commands
    from cli.output import Output
    from cli.session import with_engine

    begin = audit_commands.time_in(since, "--since")
    with_engine(lambda engine: audit_commands.export(engine, Output(as_json=as_json), file, begin, overwrite=overwrite))
