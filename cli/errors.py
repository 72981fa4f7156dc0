"""How a command ends: the one table from errors to exit codes, and the one line that says what is wrong."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from typer import TyperException

from epics.asks import KIND
from epics.errors import Conflict, GenieError, InvalidInput, NeedsPerson, NotFound
from epics.runs import is_run


class ExitCode(IntEnum):
    """What a script can go by; part of the interface, never renumbered."""

    DONE = 0
    FAILED = 1
    """Failed, rejected or cancelled; also: nothing was done because of a conflict or of trouble around Genie."""
    USAGE = 2
    WAITING = 3
    """For a person."""
    NOT_FOUND = 4
    INTERRUPTED = 130


class Interrupted(GenieError):
    """A person stopped this command while an epic was at work; the epic can be gone on with."""

    code = "interrupted"

    def __init__(self, epic_id: str, *, goes_on: bool = False) -> None:
        """Say how to go on, or that a worker does."""
        kind = "run" if is_run(epic_id) else "asks" if epic_id.startswith(f"{KIND}-") else "epic"
        told = f"a worker goes on with it; follow it with: genie {kind} watch {epic_id}"
        super().__init__(f"interrupted; {told if goes_on else f'go on with: genie {kind} resume {epic_id}'}")
        self.epic_id = epic_id


EXIT_CODES: Final[dict[type[BaseException], ExitCode]] = {
    Interrupted: ExitCode.INTERRUPTED,
    KeyboardInterrupt: ExitCode.INTERRUPTED,
    InvalidInput: ExitCode.USAGE,
    NotFound: ExitCode.NOT_FOUND,
    NeedsPerson: ExitCode.WAITING,
    Conflict: ExitCode.FAILED,
    GenieError: ExitCode.FAILED,
    BaseException: ExitCode.FAILED,
}
"""Nearest class first, along the inheritance of the error."""

STATUS_CODES: Final[dict[str, ExitCode]] = {
    "queued": ExitCode.DONE,
    "running": ExitCode.DONE,
    "merged": ExitCode.DONE,
    "done": ExitCode.DONE,
    "waiting": ExitCode.WAITING,
    "paused": ExitCode.WAITING,
    "rejected": ExitCode.FAILED,
    "failed": ExitCode.FAILED,
    "cancelled": ExitCode.FAILED,
}
"""What a command that carried an epic or a run on, or watched it, ends with."""


def exit_code_of(error: BaseException) -> int:
    """The exit code that an error ends the command with."""
    if isinstance(error, TyperException):
        return error.exit_code
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def sentence_of(error: BaseException) -> str:
    """One line for a person; empty where help was printed already."""
    match error:
        case TyperException():
            return _usage_sentence(error)
        case GenieError():
            return _one_line(str(error))
        case KeyboardInterrupt():
            return "interrupted"
        case _:
            said = _one_line(str(error))
            name = type(error).__name__
            return f"unexpected {name}{': ' if said else ''}{said}; put --debug behind the command to see where it came from"


def _usage_sentence(error: TyperException) -> str:
    # Where pydantic checked the value, its own word for that stands before what is wrong.
    said = _one_line(error.format_message()).rstrip(".").replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    if not said or context is None:
        return said
    return f"{said}; see: {context.command_path} --help"


def _one_line(text: str) -> str:
    return " ".join(text.split())
