"""Documents that PostgreSQL can store: jsonb holds no NUL character."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from psycopg.types.json import Jsonb

# An escaped NUL that is not itself behind an escaped backslash.
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def jsonb(value: Any) -> Jsonb:  # any JSON
    """Wrap a value for a jsonb column; a NUL in it becomes the replacement character."""
    return Jsonb(value, dumps=_dumps)


def _dumps(value: Any) -> str:  # any JSON
    return _NUL.sub(r"\1\\ufffd", json.dumps(value))
