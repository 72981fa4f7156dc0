"""`genie time …`: the options of each command; what they do stands in time_reading.py and its neighbours.

Modules that open the engine are imported when a command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import (
    AutonomyOption,
    BudgetOption,
    DryRunOption,
    EpicArgument,
    ExecutorOption,
    GuidanceOption,
    JsonOption,
    LabelOption,
    ModelOption,
    ResumeOption,
    RollbackLevel,
    ServerOption,
    command_group,
)

MomentArgument = Annotated[
    str | None, typer.Argument(metavar="[MOMENT]", help="By number or name; default: the newest.", show_default=False)
]

app = command_group("Look at an epic's past, go back, fork, undo.")


@app.command()
def history(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show the moments of an epic as a tree.

    Filled circles lead to where the epic is, empty ones were left behind by going back.
    """
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.history(service, epic, Output(as_json=as_json)), server=server)


@app.command()
def show(epic: EpicArgument, moment: MomentArgument = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show everything about a moment: state, decisions, attempt, files, what came of it."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.show(service, epic, moment, Output(as_json=as_json)), server=server)


@app.command(short_help="Show what changed between two moments.")
def diff(
    epic: EpicArgument,
    begin: Annotated[str, typer.Argument(metavar="[A]", help="The earlier moment, by number or name; 0 is where the epic began.")] = "0",
    end: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The later moment, by number or name; default: the newest.", show_default=False)
    ] = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only which files, and how much of them.")] = False,
    state: Annotated[bool, typer.Option("--state", help="Only the fields of the state.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Only the files; piped on, a plain diff.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show what changed between two moments, in the state and in the files."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    parts = time_reading.Parts(state=state, files=files, stat=stat)
    with_service(lambda service: time_reading.diff(service, epic, begin, end, Output(as_json=as_json), parts), server=server)


@app.command(short_help="Show two epics of one repository side by side.")
def compare(
    epic: EpicArgument,
    other: Annotated[str, typer.Argument(metavar="EPIC", help="The other one.", show_default=False)],
    with_diff: Annotated[bool, typer.Option("--diff", help="Also what differs between their heads.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show two epics of one repository side by side: what each did since they parted, and what came of it."""
    from cli import time_reading
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_reading.compare(service, epic, other, Output(as_json=as_json), with_diff=with_diff), server=server)


@app.command(short_help="Name a moment, and so keep it from retention.")
def mark(
    epic: EpicArgument,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MOMENT] NAME", help="The moment, by number or name, if not the newest; and its name.", show_default=False),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the name of the moment away.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Give a moment a name, which stands for its number from then on and keeps the moment from retention."""
    from cli import time_keeping
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_keeping.mark(service, epic, words or (), Output(as_json=as_json), remove=remove), server=server)


@app.command(short_help="Take an epic back to a moment, on a new branch.")
def rollback(
    epic: EpicArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="MOMENT",
            help="Where to, by number or name; 0 is where it began. Level step does without it.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        RollbackLevel | None,
        typer.Option("--level", help="What goes back; default: full to a moment, else step.", show_default=False),
    ] = None,
    guidance: GuidanceOption = "",
    dry_run: DryRunOption = False,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    r"""Take an epic back to an earlier moment: a new moment on a new branch. Nothing is deleted, and `genie time undo` takes it back.

    \b
    step      before the last step, or to a moment: state and files
    state     what was planned, found and decided; files stay
    snapshot  the files; what was planned, found and decided stays
    full      state and files; what was done outside is undone where it can be, and listed where it cannot
    """
    from cli import time_going_back
    from cli.output import Output
    from cli.session import with_service
    from engine.time_machine.orders import GoBack
    from epics.going_back import Level

    asked = GoBack(by="", level=Level(level.value) if level else None, guidance=guidance)
    with_service(
        lambda service: time_going_back.go_back(service, epic, asked, Output(as_json=as_json), to=to, dry_run=dry_run, resume=resume),
        server=server,
    )


@app.command()
def undo(
    epic: EpicArgument,
    dry_run: DryRunOption = False,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Take the last rollback back. Undone again, it counts again."""
    from cli import time_going_back
    from cli.output import Output
    from cli.session import with_service
    from engine.time_machine.orders import GoBack

    asked = GoBack(by="", undo=True)
    with_service(
        lambda service: time_going_back.go_back(service, epic, asked, Output(as_json=as_json), to=None, dry_run=dry_run, resume=resume),
        server=server,
    )


@app.command()
def fork(
    epic: EpicArgument,
    at: Annotated[str, typer.Option("--at", metavar="MOMENT", help="From which moment, by number or name; 0 is where it began.")],
    guidance: GuidanceOption = "",
    budget: BudgetOption = None,
    executor: ExecutorOption = None,
    model: ModelOption = None,
    autonomy: AutonomyOption = None,
    label: LabelOption = None,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Make a new epic from any moment; the epic that it comes from is not touched.

    What is not given is as there. What that epic cost is not counted again.
    """
    from cli import time_going_back
    from cli.inputs import dollars, labels_from
    from cli.output import Output
    from cli.session import with_service
    from engine.time_machine.orders import Fork

    asked = Fork(
        at=0,
        by="",
        guidance=guidance,
        budget_usd=dollars(budget, "--budget"),
        executor=executor,
        model=model,
        autonomy=autonomy.value if autonomy else None,
        labels=labels_from(label or ()),
    )
    with_service(lambda service: time_going_back.fork(service, epic, asked, Output(as_json=as_json), at=at, resume=resume), server=server)


@app.command(short_help="Remove what nothing names any more.")
def gc(
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="From which age on, such as 12h, 30d or 8w.")] = "30d",
    quota: Annotated[
        str | None,
        typer.Option("--quota", metavar="SIZE", help="Go on with what is younger until no more than this is taken.", show_default=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply/--dry-run", help="Remove it, or only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove from this host what no epic names any more: commits, branches, work trees; and packs from the database.

    Nothing that a moment names ever goes, and nothing that this database does not know to be its own.
    """
    from cli import time_collecting
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: time_collecting.collect(engine, older_than, quota, Output(as_json=as_json), apply=apply))


@app.command(short_help="Write an epic's history into one file.")
def export(
    epic: EpicArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, such as history.genie.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write an epic's history into one file, for another machine: records without secrets, and every commit that they name."""
    from cli import time_moving
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    with_engine(
        lambda engine: time_moving.export(engine, epic, file, Output(as_json=as_json), settings, overwrite=overwrite), settings=settings
    )


@app.command("import", short_help="Make the epic of an exported file here.")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `genie time export` wrote.", show_default=False)],
    repo: Annotated[
        str | None,
        typer.Option("--repo", metavar="DIR", help="The repository that it was made on; default: made from the file.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the epic of an exported file here, whole or not at all: to look at, to replay, to fork, or to go on with."""
    from cli import time_moving
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: time_moving.import_(engine, file, Output(as_json=as_json), repo=repo))


@app.command(short_help="Show the attempts of an epic side by side.")
def race(epic: EpicArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show the attempts of an epic that was started with --attempts, side by side, with what each came to."""
    from cli import time_racing
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_racing.race(service, epic, Output(as_json=as_json)), server=server)


@app.command(short_help="Take the work of one of several attempts.")
def pick(
    epic: EpicArgument,
    entry: Annotated[str, typer.Argument(metavar="FORK", help="The epic of the attempt, or its number.", show_default=False)],
    resume: ResumeOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Take the work of one of several attempts for the epic. The others end; their branches and moments stay."""
    from cli import time_racing
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: time_racing.pick(service, epic, entry, Output(as_json=as_json), resume=resume), server=server)
