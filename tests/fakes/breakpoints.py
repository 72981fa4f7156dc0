"""Places in the life of an epic at which its process is made to stand still, so that it can be killed exactly there.

A trigger stops the first write that fits, in the middle of its transaction. Whoever waits there is then killed; after that, the write
is either taken back (the server saw the end of its client first) or kept (the server was quicker). Genie itself knows nothing of it.
"""

from __future__ import annotations

import json
from typing import Any, Self

import psycopg

from tests.fakes.machine import until

KEY = 7_201
TABLES = (
    *("approvals", "attempts", "calls", "checkpoint_writes", "checkpoints", "commands", "epics", "moments", "race_entries", "races"),
    *("slack_posts", "slack_threads", "turns"),
)

SETUP = f"""
CREATE TABLE IF NOT EXISTS breakpoints (place text, operation text, fits jsonb, hit boolean NOT NULL DEFAULT false);
CREATE OR REPLACE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM breakpoints b WHERE b.place = TG_TABLE_NAME AND b.operation = TG_OP AND to_jsonb(NEW) @> b.fits
    ) THEN
        PERFORM pg_advisory_lock_shared({KEY});
        PERFORM pg_advisory_unlock_shared({KEY});
    END IF;
    RETURN NEW;
END $$;
"""


class Breakpoints:
    """The breakpoints of one database; as a context, ready to be set."""

    def __init__(self, database_url: str) -> None:
        """Use this database, which is migrated by the time the block is entered."""
        self._url = database_url

    def __enter__(self) -> Self:
        self._connection = psycopg.connect(self._url, autocommit=True, application_name="breakpoints")
        self._connection.execute(SETUP.encode())
        for table in TABLES:
            when = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stand_still()"
            self._connection.execute(f"CREATE OR REPLACE TRIGGER stand_still {when}".encode())
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def set(self, table: str, operation: str, **fits: Any) -> None:
        """Stop the next write of this kind whose row has these values; any other breakpoint is gone."""
        self._connection.execute("SELECT pg_advisory_lock(%s)", [KEY])
        self._connection.execute("DELETE FROM breakpoints")
        self._connection.execute(
            "INSERT INTO breakpoints (place, operation, fits) VALUES (%s, %s, %s)", [table, operation, json.dumps(fits)]
        )

    def reached(self, what: str, *, seconds: float = 60.0) -> None:
        """Wait until somebody stands still."""
        until(self._waiting, what, seconds=seconds)

    def is_reached(self) -> bool:
        """Whether somebody stands still."""
        return bool(self._waiting())

    def forget(self, *, kept: bool) -> None:
        """End the write that stands still, whose client is dead: it is kept, or taken back; and stop nobody any more."""
        waiting = self._waiting()
        if not kept:
            for pid in waiting:
                self._connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            until(lambda: not self._waiting(), "the write is taken back")
        self.let_go()
        gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
        until(lambda: self._connection.execute(gone, [waiting]).fetchone() == (0,), "the server sees that its client is dead")

    def let_go(self) -> None:
        """Let whoever stands still go on, and stop nobody any more."""
        self._connection.execute("DELETE FROM breakpoints")
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [KEY])

    def _waiting(self) -> list[int]:
        query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
        return [row[0] for row in self._connection.execute(query, [KEY]).fetchall()]
