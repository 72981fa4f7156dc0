"""`genie replay`: its options; what it does stands in replaying.py.

Modules that open the engine are imported when the command runs, so that `--help` need not wait for them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import HELP, BudgetOption, ExecutorOption, JsonOption, ModelOption, YesOption

app = typer.Typer(help="Replay an epic from what is recorded of it.", rich_markup_mode=None, context_settings=HELP, add_completion=False)

_ONE_OF = "give an EPIC to replay, or --check with what to check"


@app.command(short_help="Replay an epic from what is recorded of it.")
def replay(
    epic: Annotated[
        str | None, typer.Argument(metavar="[EPIC]", help="Its id; an unambiguous beginning is enough.", show_default=False)
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare turns and files too; exit code 1 if anything differs.")] = False,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="all|FILE|DIR",
            help="Hold histories against this Genie: those of the database, or saved ones. Exit code 1 if one would break.",
            show_default=False,
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="MOMENT", help="Go on for real from this moment, as a fork; number or name.", show_default=False),
    ] = None,
    guidance: Annotated[str, typer.Option("--guidance", "-m", metavar="TEXT", help="With --from: what the next agent reads.")] = "",
    model: ModelOption = None,
    executor: ExecutorOption = None,
    budget: BudgetOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay an epic step by step from what is recorded of it. No model is asked, and nothing is changed.

    With --from it goes on from a moment for real, as a new epic.
    """
    from pathlib import Path

    from cli import replaying
    from cli.inputs import dollars
    from cli.output import Output
    from cli.session import with_engine

    output = Output(as_json=as_json)
    if (epic is None) == (check is None):
        raise typer.BadParameter(_ONE_OF)
    real = begin is not None
    if not real and (guidance or model or executor or budget or yes):
        raise typer.BadParameter("--guidance, --model, --executor, --budget and --yes are for --from, which goes on for real")
    if sum((verify, check is not None, real)) > 1:
        raise typer.BadParameter("--verify, --check and --from are three different things: give one")
    if check is not None:
        place = None if check == "all" else Path(check)
        with_engine(lambda engine: replaying.check(engine, place, output))
    elif begin is not None:
        onwards = replaying.Onwards(
            at=begin, guidance=guidance, model=model, executor=executor, budget_usd=dollars(budget, "--budget"), auto_approve=yes
        )
        with_engine(lambda engine: replaying.go_on(engine, str(epic), onwards, output))
    else:
        with_engine(lambda engine: replaying.replay(engine, str(epic), output, verify=verify))
