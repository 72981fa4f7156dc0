"""Named queries, read from sql/queries/*.sql.

Each begins with a line `-- name: get_epic`; then come comment lines that give its reason, then one statement. They are bytes,
so that a type checker refuses a query that was put together from strings. A name is given once in all the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

DIRECTORY: Final = Path(__file__).parent / "sql" / "queries"
_NAME: Final = re.compile(r"^-- name:[ \t]*(\w*)[ \t]*$", re.MULTILINE)


def load_queries(directory: Path) -> Mapping[str, bytes]:
    """Read every query below `directory`.

    Raises:
        ValueError: if a name is given twice, is missing, or names nothing.
    """
    queries: dict[str, bytes] = {}
    for path in sorted(directory.glob("*.sql")):
        for name, statement in _parse(path):
            if name in queries:
                raise ValueError(f"{path.name}: the query {name} is there twice")
            queries[name] = statement.encode()
    return MappingProxyType(queries)


def _parse(path: Path) -> Iterator[tuple[str, str]]:
    before, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    if _without_comments(before):
        raise ValueError(f"{path.name}: there is SQL above the first `-- name:` line")
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        statement = _without_comments(text)
        if not name or not statement:
            raise ValueError(f"{path.name}: the query {name or '(no name)'} is empty or has no name")
        yield name, statement


def _without_comments(text: str) -> str:
    """Leave the reasons in the file: the server need not read them on each call."""
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")).rstrip("; \n")


QUERIES: Final = load_queries(DIRECTORY)
