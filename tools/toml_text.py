"""Checking the text of a TOML file against a schema, with the line in every message."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from epics.errors import GenieError

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_CHARS: Final = 262_144
"""Files that people write are far smaller; a larger one is not worth the time to parse."""

_AT_LINE = re.compile(r"\(at line (\d+)")
_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_SHOWN = 80


def parse_toml(text: str, schema: type[ModelT], *, file: str, error: type[GenieError]) -> ModelT:
    """Parse `text` and check it against `schema`.

    Raises:
        GenieError: of the class `error`, one line that begins with `file:line:`, if the text is no TOML or does not fit.
    """
    if len(text) > MAX_CHARS:
        raise error(f"{file}:1: the file has {len(text)} characters; at most {MAX_CHARS} are read")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = _AT_LINE.search(str(exc))
        line = int(found[1]) if found else text.count("\n") + 1
        raise error(f"{file}:{line}: this is not valid TOML: {exc}") from exc
    except RecursionError as exc:
        raise error(f"{file}:1: this is not valid TOML: it is nested too deeply") from exc
    try:
        return schema.model_validate(values)
    except ValidationError as exc:
        path, sentence = first_fault(exc, schema)
        raise error(f"{file}:{line_of(text, path)}: {sentence}") from exc


def first_fault(exc: ValidationError, schema: type[BaseModel]) -> tuple[tuple[str, ...], str]:
    """Return where the first fault is, as keys from the outside in, and a sentence on it for a person."""
    faults = exc.errors(include_url=False)
    fault = faults[0]
    path = tuple(str(part) for part in fault["loc"])
    name = ".".join(path) or "the file"
    if fault["type"] == "extra_forbidden":
        sentence = f"unknown key {name!r}{_meant(path, schema)}"
    elif fault["type"] == "missing":
        sentence = f"the key {name!r} is missing"
    else:
        shown = repr(fault["input"])
        shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
        sentence = f"{name} is {shown}: {fault['msg'].removeprefix('Value error, ')}"
    more = len(faults) - 1
    return path, sentence + (f" (and {more} more)" if more else "")


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the line (from 1) that sets `path`, or else the innermost table around it that is written down, or 1."""
    lines = text.splitlines()
    table: tuple[str, ...] = ()
    best, depth = 1, 0
    for number, line in enumerate(lines):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            here = table = _parts(header[1])
        elif key:
            here = table + _parts(key[1])
        else:
            continue
        if len(here) > depth and here == tuple(path[: len(here)]) and _between_statements(lines[:number]):
            best, depth = number + 1, len(here)
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _between_statements(before: list[str]) -> bool:
    """Whether the lines end where a statement ends: what looks like a key inside a longer string is none."""
    try:
        tomllib.loads("\n".join(before))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _meant(path: tuple[str, ...], schema: type[BaseModel]) -> str:
    """Name the keys that exist beside an unknown one, the nearest alone if one is near."""
    here: Any = schema
    for part in path[:-1]:
        here = _record_in(here.model_fields[part].annotation) if part in getattr(here, "model_fields", {}) else None
        if here is None:
            return ""
    known = sorted(field.alias or name for name, field in here.model_fields.items())
    near = get_close_matches(path[-1], known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"


def _record_in(annotation: Any) -> type[BaseModel] | None:
    kinds = [annotation, *get_args(annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
