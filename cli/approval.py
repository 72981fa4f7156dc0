"""`genie approval …`: the options of each command; what they do stands in decide.py."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from cli.options import ApprovalArgument, CommentOption, GoOption, JsonOption, ServerOption, command_group

app = command_group("See what waits for a person, and decide it. The first decision counts.")


class Listed(StrEnum):
    """Which approvals are listed."""

    PENDING = "pending"
    APPROVED = "approved"
    CHANGES = "changes"
    REJECTED = "rejected"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ALL = "all"


@app.command("list")
def list_approvals(
    status: Annotated[Listed, typer.Option("--status", help="Which ones.")] = Listed.PENDING,
    epic: Annotated[str | None, typer.Option("--epic", metavar="EPIC", help="Only those of one epic.", show_default=False)] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that wait for you.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List what waits for a person."""
    from cli import decide
    from cli.output import Output
    from cli.session import with_service

    chosen = None if status is Listed.ALL else status.value
    with_service(
        lambda service: decide.list_approvals(service, Output(as_json=as_json), status=chosen, epic=epic, mine=mine), server=server
    )


@app.command(short_help="Show what is asked about.")
def show(approval: ApprovalArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show what is asked about: the plan, the diff, the failure or the limit."""
    from cli import decide
    from cli.output import Output
    from cli.session import with_service

    with_service(lambda service: decide.show(service, approval, Output(as_json=as_json)), server=server)


@app.command(short_help="Approve a plan or a pull request.")
def approve(
    approval: ApprovalArgument, comment: CommentOption = "", go: GoOption = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Let a plan be worked on, or a pull request be merged."""
    _decide(approval, "approve", comment=comment, go=go, as_json=as_json, server=server)


@app.command(short_help="Ask for changes; --comment says which.")
def changes(
    approval: ApprovalArgument, comment: CommentOption = "", go: GoOption = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Ask for changes to a plan or a pull request; --comment says which."""
    _decide(approval, "changes", comment=comment, go=go, as_json=as_json, server=server)


@app.command(short_help="End the epic at its plan or pull request.")
def reject(
    approval: ApprovalArgument, comment: CommentOption = "", go: GoOption = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """End the epic here: the plan or the pull request is not wanted."""
    _decide(approval, "reject", comment=comment, go=go, as_json=as_json, server=server)


@app.command(short_help="After a failure: try again.")
def retry(
    approval: ApprovalArgument, comment: CommentOption = "", go: GoOption = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """After a failure: try again; --comment tells the next attempt what to do differently."""
    _decide(approval, "retry", comment=comment, go=go, as_json=as_json, server=server)


@app.command(short_help="After a failure: go back to a moment.")
def rollback(
    approval: ApprovalArgument,
    to: Annotated[int, typer.Option("--to", min=1, metavar="N", help="The moment to go back to.", show_default=False)],
    comment: CommentOption = "",
    go: GoOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """After a failure: go back to an earlier moment and try from there."""
    _decide(approval, "rollback", comment=comment, to=to, go=go, as_json=as_json, server=server)


@app.command()
def abandon(
    approval: ApprovalArgument, comment: CommentOption = "", go: GoOption = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """After a failure, or at a limit: end the epic."""
    _decide(approval, "abandon", comment=comment, go=go, as_json=as_json, server=server)


@app.command("raise", short_help="At a limit: raise it, and go on.")
def raise_limit(
    approval: ApprovalArgument,
    amount: Annotated[str, typer.Option("--amount", metavar="USD", help="By how much the limit goes up.", show_default=False)],
    comment: CommentOption = "",
    go: GoOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """At a limit: raise it, and go on from the work done."""
    from cli.inputs import dollars

    _decide(approval, "raise", comment=comment, amount_usd=dollars(amount, "--amount"), go=go, as_json=as_json, server=server)


def _decide(
    approval: str,
    choice: str,
    *,
    comment: str,
    go: bool,
    as_json: bool,
    server: str | None,
    to: int | None = None,
    amount_usd: Decimal | None = None,
) -> None:
    from cli import decide
    from cli.output import Output
    from cli.process import CHANNEL
    from cli.session import with_service
    from epics.approvals import Choice, Decision
    from epics.callers import current_caller

    # The engine, which knows who calls, puts that in.
    decision = Decision(choice=Choice(choice), comment=comment, by=current_caller().person, channel=CHANNEL, to=to, amount_usd=amount_usd)
    with_service(lambda service: decide.decide(service, approval, decision, Output(as_json=as_json), go=go), server=server)
