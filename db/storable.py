"""Documents and texts that PostgreSQL can store: it holds no NUL character, and no half of a surrogate pair."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from psycopg.types.json import Jsonb

# An escaped NUL that is not itself behind an escaped backslash.
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def jsonb(value: Any) -> Jsonb:  # any JSON
    """Wrap a value for a jsonb column, without a NUL and without halves of surrogate pairs."""
    return Jsonb(value, dumps=_dumps)


def json_text(value: Any) -> str:  # any JSON
    """The one text for a value, whatever the order in which it was put together, without a NUL and without halves of surrogate pairs."""
    return _storable(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def storable_text(text: str) -> str:
    """The text without what PostgreSQL cannot store: NUL characters, and halves of surrogate pairs."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _dumps(value: Any) -> str:  # any JSON
    return _storable(json.dumps(value, ensure_ascii=False))


def _storable(text: str) -> str:
    return _NUL.sub(r"\1\\ufffd", text.encode("utf-8", "replace").decode("utf-8"))
