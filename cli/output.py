"""Where the command line writes: people's text and programs' JSON, kept apart."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

PLAIN_WIDTH: Final = 160
"""Columns where nobody has a terminal: enough that a pipe does not cut ids, few enough to read in a log."""

_CONTROL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def printable(text: str) -> str:
    """Take from foreign text what could steer the terminal: escape sequences, control characters, changes of direction."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\t", "    "))


class Output:
    """Two consoles: `person` for people, and stdout for JSON when that was asked for.

    With `as_json`, what people read goes to stderr, so that stdout holds one JSON document and nothing else.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        # Rich reads NO_COLOR and TERM by itself, and writes no colour where there is no terminal.
        self.person = _console(stderr=as_json)
        self.notes = _console(stderr=True)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits in front of this command."""
        return not self.as_json and sys.stdin.isatty() and self.person.is_terminal

    def show(self, *parts: RenderableType) -> None:
        """Print for people."""
        for part in parts:
            self.person.print(part)

    def say(self, text: str, style: str = "") -> None:
        """Print one line for people; the text is taken as it is, not as markup."""
        self.person.print(Text(printable(text), style=style), soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """Print one line on stderr, whatever was asked for."""
        self.notes.print(Text(printable(text), style=style), soft_wrap=True)

    def answer(self, *, record: BaseModel, parts: Iterable[RenderableType]) -> None:
        """The answer of a command: the API's object as JSON, or the parts for people."""
        if self.as_json:
            self.json(record)
        else:
            self.show(*parts)

    def json(self, record: BaseModel) -> None:
        """Write one JSON document on stdout."""
        sys.stdout.write(record.model_dump_json(indent=2) + "\n")
        sys.stdout.flush()

    def json_line(self, record: BaseModel) -> None:
        """Write one JSON document on a line of its own, for a stream that does not end soon."""
        sys.stdout.write(record.model_dump_json() + "\n")
        sys.stdout.flush()


class _Console(Console):
    """A console that leaves it to the command what a closed pipe means; Rich would end the process at once."""

    def on_broken_pipe(self) -> None:
        """Pass the BrokenPipeError on that is being handled."""
        self.quiet = True
        raise  # noqa: PLE0704  # Rich calls this inside its `except BrokenPipeError`


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console
