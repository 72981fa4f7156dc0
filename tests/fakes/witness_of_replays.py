"""Sees whether anything was changed: every row of a database, every ref of the mirrors, and the person's checkout."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.fakes.story import GIT_ENVIRONMENT

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"


@dataclass(frozen=True)
class Witness:
    """All that must be as it was."""

    rows: Mapping[str, Sequence[str]]
    refs: Mapping[str, str]
    worktrees: Sequence[str]
    checkout: Mapping[str, str]

    @classmethod
    def of(cls, database_url: str, home: Path, repo: Path) -> Witness:
        """Look now."""
        with psycopg.connect(database_url) as connection:
            names = [str(row[0]) for row in connection.execute(TABLES)]
            rows = {name: _rows(connection, name) for name in names}
        mirrors = sorted((home / "repos").glob("*.git"))
        refs = {f"{place.name} {line}": "" for place in (*mirrors, repo) for line in _git(place, "for-each-ref").splitlines()}
        trees = [f"{path}" for mirror in mirrors for path in sorted((mirror / "worktrees").glob("*"))]
        trees += [str(path) for path in sorted((home / "worktrees").rglob("*"))]
        kept = [path for path in sorted(repo.rglob("*")) if path.is_file()]
        return cls(rows, refs, trees, {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept})


def _rows(connection: psycopg.Connection, table: str) -> list[str]:
    query = sql.SQL("SELECT row_to_json(t)::text FROM {} t").format(sql.Identifier(table))
    return sorted(str(row[0]) for row in connection.execute(query))


def _git(place: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", place, *arguments], env=GIT_ENVIRONMENT, check=True, capture_output=True, text=True).stdout
