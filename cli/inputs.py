"""What people type, made into values, or refused in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from epics.errors import InvalidInput

SMALLEST_USD: Final = Decimal("0.000001")
LARGEST_USD: Final = Decimal(1_000_000_000)

READ_AT_MOST: Final = 8_000_000
"""Bytes of a goal that are read; the engine, which knows the limit, sees that there is too much."""


def goal_from(goal: str | None, goal_file: Path | None, stdin: BinaryIO | None = None) -> str:
    """The goal: as given, from stdin where it is `-`, or from a file.

    Raises:
        InvalidInput: if there is none, there are two, or it cannot be read.
    """
    if goal is not None and goal_file is not None:
        raise InvalidInput("there are two goals, one as argument and one in --goal-file: give one")
    if goal_file is not None:
        return _decoded(_file(goal_file), f"the goal in {goal_file}")
    if goal is None:
        raise InvalidInput("there is no goal: write what should be different when the epic is done, or give --goal-file")
    if goal == "-":
        return _decoded((stdin or sys.stdin.buffer).read(READ_AT_MOST), "the goal on stdin")
    return goal


def text_from(text: str, stdin: BinaryIO | None = None) -> str:
    """What is to be said: as given, or from stdin where it is `-`.

    Raises:
        InvalidInput: if it cannot be read.
    """
    return _decoded((stdin or sys.stdin.buffer).read(READ_AT_MOST), "what stands on stdin") if text == "-" else text


def one_text(text: str | None, file: Path | None, option: str, file_option: str) -> str:
    """A text that is given, read from stdin where it is `-`, or read from a file.

    Raises:
        InvalidInput: if there is none, there are two, or it cannot be read.
    """
    if (text is None) == (file is None):
        raise InvalidInput(f"give the text with {option} or with {file_option}: one of them")
    return text_from(text) if text is not None else _decoded(_file(file or Path(), "the text"), f"the text in {file}")


def one_of(option: str, value: str | None, other: str, other_value: str | None) -> str | None:
    """What was given by one of two options that are words for the same.

    Raises:
        InvalidInput: if both were given.
    """
    if value is not None and other_value is not None:
        raise InvalidInput(f"{option} and {other} are two words for the same: give one of them")
    return value if value is not None else other_value


def dollars(text: str | None, option: str) -> Decimal | None:
    """An amount of money that was given to an option.

    Raises:
        InvalidInput: if it is not a number, or not an amount that anybody could mean.
    """
    if text is None:
        return None
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or not SMALLEST_USD <= amount <= LARGEST_USD:
        raise InvalidInput(f"{option} takes US dollars, such as 2.50, from {SMALLEST_USD:f} to {LARGEST_USD:,}; it was {text!r}")
    return amount


def repository_at(given: str) -> str:
    """The repository as its epics name it: the top folder of the checkout that `given` is in; what is no folder stays as it is."""
    folder = Path(given)
    if not folder.is_dir():
        return given
    folder = folder.resolve()
    return str(next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder))


def repository_for(server: str, given: str) -> str:
    """The repository as a server can find it: a URL as it is, a folder by its full path where the server is on this machine.

    Raises:
        InvalidInput: if it is a folder, and the server is on another machine.
    """
    if "://" in given or not Path(given).is_dir():
        return given
    if urlsplit(server).hostname in {"localhost", "127.0.0.1", "::1"}:
        return repository_at(given)
    raise InvalidInput(f"the server {server} cannot see the folder {repository_at(given)}: push it, and give its URL with --repo")


def labels_from(pairs: Iterable[str]) -> dict[str, str]:
    """Labels from `key=value` pairs.

    Raises:
        InvalidInput: if one is not such a pair, or a key is given twice.
    """
    labels: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"--label takes KEY=VALUE, such as team=web; it was {pair!r}")
        if key.strip() in labels:
            raise InvalidInput(f"the label {key.strip()!r} is given twice: give it once")
        labels[key.strip()] = value.strip()
    return labels


def variables_from(pairs: Iterable[str], option: str = "--var") -> dict[str, str]:
    """The variables of a prompt from `name=value` pairs; a value that begins with @ names a file, whose text it is.

    Raises:
        InvalidInput: if one is not such a pair, a name is given twice, or a file cannot be read.
    """
    variables: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(f"{option} takes NAME=VALUE or NAME=@FILE, such as guidance='be brief'; it was {pair!r}")
        if name.strip() in variables:
            raise InvalidInput(f"the variable {name.strip()!r} is given twice: give it once")
        variables[name.strip()] = (
            _decoded(_file(Path(value[1:]), "the variable"), f"the text in {value[1:]}") if value[:1] == "@" else value
        )
    return variables


def _file(path: Path, what: str = "the goal") -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(READ_AT_MOST)
    except OSError as error:
        raise InvalidInput(f"{what} cannot be read from {path}: {error.strerror or error}") from error


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{what} is not UTF-8 text (byte {error.start}): convert it") from error
