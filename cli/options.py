"""Options and arguments that several commands take, so that they read and work the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

HELP: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
"""How every command prints its help."""


class Autonomy(StrEnum):
    """Who decides after a failed attempt."""

    AUTO = "auto"
    ASK = "ask"


class Status(StrEnum):
    """What an epic can be."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    MERGED = "merged"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStatus(StrEnum):
    """What a run can be."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RollbackLevel(StrEnum):
    """What a rollback takes back."""

    STEP = "step"
    STATE = "state"
    SNAPSHOT = "snapshot"
    FULL = "full"


EpicArgument = Annotated[str, typer.Argument(metavar="EPIC", help="Its id; an unambiguous beginning is enough.", show_default=False)]
ApprovalArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The id of an approval, or of an epic that waits; an unambiguous beginning is enough.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and everything else on stderr.")]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Ask this Genie server, not the database; default: GENIE_SERVER.", show_default=False),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Approve plan and merge without asking; failures and limits still ask.")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="What the next agent reads, word for word.")]
GoOption = Annotated[bool, typer.Option("--go", help="Carry the epic on at once, in the foreground.")]
GuidanceOption = Annotated[str, typer.Option("--guidance", "-m", metavar="TEXT", help="What the next agent reads, word for word.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Carry it on at once, in the foreground.")]
GoalArgument = Annotated[
    str | None,
    typer.Argument(metavar="GOAL", help="What should be different when the epic is done; - reads it from stdin.", show_default=False),
]
GoalFileOption = Annotated[Path | None, typer.Option("--goal-file", metavar="FILE", help="Read the goal from a file.", show_default=False)]
RepoOption = Annotated[str, typer.Option("--repo", metavar="DIR", help="The git repository: a path or a URL.")]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", metavar="BRANCH", help="The branch to start from and merge into; default: its HEAD.", show_default=False),
]
BudgetOption = Annotated[
    str | None,
    typer.Option("--budget", metavar="USD", help="What the epic may cost; the call that would pass it is not made.", show_default=False),
]
ExecutorOption = Annotated[
    str | None, typer.Option("--executor", metavar="NAME", help="How agents run: in_process or scripted.", show_default=False)
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="As in GENIE_MODEL, such as anthropic:NAME.", show_default=False)
]
AutonomyOption = Annotated[
    Autonomy | None,
    typer.Option("--autonomy", help="After a failed attempt: try again by itself, or ask each time.", show_default=False),
]
AttemptsOption = Annotated[
    int | None,
    typer.Option(
        "--attempts",
        metavar="N",
        min=2,
        max=8,
        help="Carry the plan out N times side by side; the best is picked by tests and review, or by you.",
        show_default=False,
    ),
]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="May be given several times.", show_default=False)
]
RoleOption = Annotated[str | None, typer.Option("--role", metavar="R", help="viewer, operator, approver or admin.", show_default=False)]
GrantRepoOption = Annotated[
    list[str] | None,
    typer.Option(
        "--repo",
        metavar="PATTERN",
        help="Where the role holds: * is anything but a slash, ** anything; default: everywhere. May be given several times.",
        show_default=False,
    ),
]
GrantOption = Annotated[
    list[str] | None,
    typer.Option("--grant", metavar="ROLE=PATTERN", help="Another role elsewhere; may be given several times.", show_default=False),
]


def command_group(text: str) -> typer.Typer:
    """A group of commands that looks as the others do."""
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None, context_settings=HELP, add_completion=False)
