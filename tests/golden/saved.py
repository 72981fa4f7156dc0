"""Epics that a release of Genie left in PostgreSQL, saved as files: rows to the letter, git objects, and how they go on."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict

HERE: Final = Path(__file__).parent

#: In the order in which they may be inserted; the second is the column that names the epic.
TABLES: Final = (
    *(("projects", None), ("epics", "id"), ("leases", "thread_id"), ("moments", "epic_id"), ("attempts", "epic_id")),
    *(("briefs", "epic_id"), ("turns", "epic_id"), ("calls", "epic_id"), ("approvals", "epic_id"), ("events", "epic_id")),
    *(("outbox", "epic_id"), ("commands", "epic_id"), ("pull_requests", "epic_id"), ("analyses", "epic_id")),
    *(("checkpoints", "thread_id"), ("checkpoint_blobs", "thread_id"), ("checkpoint_writes", "thread_id")),
)
REPO: Final = "@REPO@"
HOME: Final = "@HOME@"


class Saved(BaseModel):
    """One epic as a release left it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    name: str
    migrations: Sequence[str] = ("0001_backbone", "0002_fence_and_projection")
    """Those that the database had."""
    epic: str
    script: Mapping[str, Any]
    decisions: Sequence[Mapping[str, Any]]
    """What people decide from there on, gate by gate, until the epic is merged."""
    rows: Mapping[str, Sequence[str]]
    """By table: each row as PostgreSQL writes it in JSON; bytes are hex."""
    repo: str
    """The bundle of the person's repository, in base64."""
    mirror: str
    """The bundle of Genie's mirror of it, in base64."""


def read(path: Path) -> Saved:
    """Read a saved epic."""
    return Saved.model_validate_json(gzip.decompress(path.read_bytes()))


def write(saved: Saved, folder: Path) -> Path:
    """Write a saved epic; the same content gives the same bytes."""
    path = folder / f"{saved.release}-{saved.name}.json.gz"
    path.write_bytes(gzip.compress(saved.model_dump_json().encode(), compresslevel=9, mtime=0))
    return path


def migrations_of(database_url: str) -> list[str]:
    """The migrations that a database has."""
    with psycopg.connect(database_url) as connection:
        return [str(row[0]) for row in connection.execute("SELECT migration_id FROM _yoyo_migration ORDER BY 1")]


def take_rows(database_url: str, epic: str, *, repo: Path, home: Path) -> dict[str, list[str]]:
    """The rows of one epic, with the paths of this machine taken out."""
    taken = dict[str, list[str]]()
    with psycopg.connect(database_url) as connection:
        for table, column in TABLES:
            where = (
                sql.SQL("id = (SELECT project_id FROM epics WHERE id = %s)")
                if column is None
                else sql.SQL("{} = %s").format(sql.Identifier(column))
            )
            query = sql.SQL("SELECT row_to_json(t)::text FROM {} t WHERE {}").format(sql.Identifier(table), where)
            texts = sorted(str(row[0]) for row in connection.execute(query, [epic]))
            taken[table] = [text.replace(str(repo), REPO).replace(str(home), HOME) for text in texts]
    return taken


def put_rows(database_url: str, rows: Mapping[str, Sequence[str]], *, repo: Path, home: Path) -> None:
    """Insert saved rows, into a database that has the migrations that theirs had."""
    with psycopg.connect(database_url) as connection:
        for table, _ in TABLES:
            for text in rows[table]:
                row = text.replace(REPO, str(repo)).replace(HOME, str(home))
                columns = sql.SQL(", ").join(sql.Identifier(name) for name in json.loads(row))
                query = sql.SQL("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM json_populate_record(NULL::{0}, %s::json)")
                connection.execute(query.format(sql.Identifier(table), columns), [row])
        identities = connection.execute("SELECT table_name FROM information_schema.columns WHERE is_identity = 'YES'").fetchall()
        for (name,) in identities:
            query = sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), 1 + (SELECT coalesce(max(id), 0) FROM {}))")
            connection.execute(query.format(sql.Literal(name), sql.Identifier(name)))


def bundle(repository: Path) -> str:
    """All refs of a repository with their objects."""
    made = subprocess.run(["git", "-C", repository, "bundle", "create", "--quiet", "-", "--all"], check=True, capture_output=True)
    return base64.b64encode(made.stdout).decode()


def unbundle(text: str, repository: Path) -> None:
    """Put refs and objects back, into a repository that is there."""
    file = repository.with_name(f"{repository.name}.bundle")
    file.write_bytes(base64.b64decode(text))
    subprocess.run(
        ["git", "-C", repository, "fetch", "--quiet", "--update-head-ok", str(file), "+refs/*:refs/*"], check=True, capture_output=True
    )
    file.unlink()
