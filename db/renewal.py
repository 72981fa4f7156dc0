"""Renewing a lease from a thread with a connection of its own, so that a busy event loop does not lose it (durability rule 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import DictRow, dict_row

from db.failures import first_line
from db.leases import Lease
from db.queries import QUERIES

_PARTS: Final = 4
"""A lease is renewed this often in its length, so that some renewals may fail."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What the renewal tells its owner, called from the renewing thread."""

    lost: Callable[[str], None]
    """The lease is lost, or soon will be; the reason. Called at most once, and nothing is renewed after it."""
    cancel_asked: Callable[[], None]
    """Somebody asked for the epic to be cancelled; may be called again."""
    ticked: Callable[[], float]
    """When the event loop last gave a sign of life, on the monotonic clock."""


class Renewal:
    """Threads that renew one lease until it is stopped, the lease is lost, or the event loop hangs."""

    def __init__(self, dsn: str, lease: Lease, watch: Watch, *, hang_limit_s: float) -> None:
        """Prepare the renewal; nothing runs before `start`.

        Args:
            dsn: where the thread connects by itself.
            lease: what is renewed.
            watch: whom to tell.
            hang_limit_s: a loop that has not ticked for so long is hung, and its lease must go to somebody else.
        """
        self._dsn = dsn
        self._lease = lease
        self._watch = watch
        self._hang_limit_s = hang_limit_s
        self._stopped = threading.Event()
        self._asking = False
        self._losing = threading.Lock()
        self._trouble = "the database does not answer"
        self._interval = lease.seconds / _PARTS
        # Counted from before the last renewal was asked for: the database's own count began later, so we stop early, never late. One more
        # interval is left then, in which the agents of this worker are stopped before another may take over.
        self._renew_before = lease.asked_at + lease.seconds - self._interval
        runs = {"lease": self._run, "deadline": self._guard}
        self._threads = [threading.Thread(target=run, name=f"{name}-{lease.thread_id}", daemon=True) for name, run in runs.items()]

    def start(self) -> None:
        """Begin to renew."""
        for thread in self._threads:
            thread.start()

    @property
    def is_asking(self) -> bool:
        """Whether the thread waits for the database right now, so that stopping it may take a while."""
        return self._asking

    def stop(self) -> None:
        """Stop renewing; the lease itself is given back by its owner."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=self._lease.seconds)

    def _run(self) -> None:
        connection: psycopg.Connection[DictRow] | None = None
        while not self._stopped.wait(self._interval):
            if time.monotonic() - self._watch.ticked() > self._hang_limit_s:
                self._lose("the event loop hangs")
                break
            asked_at = time.monotonic()
            self._asking = True
            try:
                connection = connection or self._connect()
                row = self._renew(connection)
            except psycopg.Error as error:
                connection = None
                self._trouble = first_line(error)
                continue
            finally:
                self._asking = False
            if row is None:
                self._lose("another worker has taken the epic over")
                break
            self._renew_before = asked_at + self._lease.seconds - self._interval
            if row["cancel_asked"]:
                self._watch.cancel_asked()
        if connection is not None:
            connection.close()

    def _guard(self) -> None:
        """Tell when the lease was not renewed in time, also while the other thread waits for a database that says nothing at all."""
        while not self._stopped.wait(max(0.0, self._renew_before - time.monotonic())):
            if time.monotonic() >= self._renew_before:
                self._lose(f"the lease could not be renewed: {self._trouble}")

    def _lose(self, reason: str) -> None:
        with self._losing:
            if not self._stopped.is_set():
                self._stopped.set()
                self._watch.lost(reason)

    def _connect(self) -> psycopg.Connection[DictRow]:
        timeout = max(2, int(self._lease.seconds / 2))
        options = f"-c statement_timeout={int(self._lease.seconds * 500)}"
        return psycopg.Connection[DictRow].connect(
            self._dsn, autocommit=True, row_factory=dict_row, connect_timeout=timeout, options=options, application_name="genie-lease"
        )

    def _renew(self, connection: psycopg.Connection[DictRow]) -> DictRow | None:
        arguments = {
            "thread": self._lease.thread_id,
            "epoch": self._lease.epoch,
            "token": self._lease.token,
            "seconds": self._lease.seconds,
        }
        return connection.execute(QUERIES["renew_lease"], arguments).fetchone()
