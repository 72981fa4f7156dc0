"""Renewing leases from a thread with a connection of its own, so that a busy event loop does not lose them (durability rule 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import psycopg
from psycopg import errors as pg
from psycopg.rows import DictRow, dict_row

from db.connection import heard_within
from db.failures import first_line
from db.leases import Lease
from db.queries import QUERIES

_PARTS: Final = 4
"""A lease is renewed this often in its length, so that some renewals may fail."""
_LOCKED_S: Final = 0.05
"""How soon a lease whose row was locked is tried again."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What the renewal tells its owner, called from the renewing thread."""

    lost: Callable[[str], None]
    """The lease is lost, or soon will be; the reason. Called at most once, and nothing is renewed after it."""
    stop_asked: Callable[[], None]
    """Somebody asked for the epic to be cancelled or rolled back; may be called again."""
    ticked: Callable[[], float]
    """When the event loop last gave a sign of life, on the monotonic clock."""


class Renewal:
    """The renewal of one lease until it is stopped, the lease is lost, or the event loop hangs.

    All leases of a process are renewed by one thread over one connection; a second thread for each watches its deadline.
    """

    def __init__(self, dsn: str, lease: Lease, watch: Watch, *, hang_limit_s: float) -> None:
        """Prepare the renewal; nothing runs before `start`.

        Args:
            dsn: where the thread connects by itself.
            lease: what is renewed.
            watch: whom to tell.
            hang_limit_s: a loop that has not ticked for so long is hung, and its lease must go to somebody else.
        """
        self.lease = lease
        self.interval = lease.seconds / _PARTS
        self.due = time.monotonic() + self.interval
        self._dsn = dsn
        self._watch = watch
        self._hang_limit_s = hang_limit_s
        self._stopped = threading.Event()
        self._losing = threading.Lock()
        self._trouble = "the database does not answer"
        # Counted from before the last renewal was asked for: the database's own count began later, so we stop early, never late. One more
        # interval is left then, in which the agents of this worker are stopped before another may take over.
        self._renew_before = lease.asked_at + lease.seconds - self.interval
        self._guarding = threading.Thread(target=self._guard, name=f"deadline-{lease.thread_id}", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._guarding.start()
        _Renewer.of(self._dsn, self.lease.seconds, self)

    def stop(self) -> None:
        """Stop renewing; the lease itself is given back by its owner.

        A renewal that is under way at this moment does nothing to a lease that was given back.
        """
        self._stopped.set()
        self._guarding.join(timeout=self.lease.seconds)

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be renewed any more."""
        return self._stopped.is_set()

    def may_renew(self) -> bool:
        """Whether the event loop lives; if it does not, the lease is let go."""
        if time.monotonic() - self._watch.ticked() > self._hang_limit_s:
            self._lose("the event loop hangs")
        return not self.is_over

    def renewed(self, row: DictRow | None, asked_at: float) -> None:
        """Take in what the database said."""
        if row is None:
            self._lose("another worker has taken the epic over")
            return
        self._renew_before = asked_at + self.lease.seconds - self.interval
        if row["stop_asked"] and not self.is_over:
            self._watch.stop_asked()

    def failed(self, trouble: str) -> None:
        """Remember why it could not be renewed, for when it is too late."""
        self._trouble = trouble

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


class _Renewer:
    """The thread that renews the leases of one length in one database, as long as there are any."""

    _all: ClassVar[dict[tuple[str, float], _Renewer]] = {}
    _lock: ClassVar[threading.Condition] = threading.Condition()

    def __init__(self, dsn: str, seconds: float) -> None:
        self._dsn = dsn
        self._seconds = seconds
        self._renewals: list[Renewal] = []
        self._connection: psycopg.Connection[DictRow] | None = None

    @classmethod
    def of(cls, dsn: str, seconds: float, renewal: Renewal) -> None:
        """Have a lease renewed by the thread that there is, or by a new one."""
        with cls._lock:
            renewer = cls._all.get((dsn, seconds))
            if renewer is None:
                renewer = cls._all[dsn, seconds] = cls(dsn, seconds)
                threading.Thread(target=renewer._run, name="renew-leases", daemon=True).start()
            renewer._renewals.append(renewal)
            cls._lock.notify_all()

    def _run(self) -> None:
        while (renewal := self._next()) is not None:
            if renewal.may_renew():
                self._renew(renewal)
        if self._connection is not None:
            self._connection.close()

    def _next(self) -> Renewal | None:
        """Wait for the next lease that is due; None when none is left."""
        with self._lock:
            while True:
                self._renewals = [each for each in self._renewals if not each.is_over]
                if not self._renewals:
                    del self._all[self._dsn, self._seconds]
                    return None
                first = min(self._renewals, key=lambda each: each.due)
                left = first.due - time.monotonic()
                if left <= 0:
                    return first
                self._lock.wait(left)

    def _renew(self, renewal: Renewal) -> None:
        asked_at = time.monotonic()
        renewal.due = asked_at + renewal.interval
        try:
            self._connection = self._connection or self._connect()
            row = self._ask(self._connection, renewal.lease)
        except (pg.LockNotAvailable, pg.QueryCanceled) as error:
            # Whoever has the row has it for a moment; the other leases must not wait for that.
            renewal.failed(first_line(error))
            renewal.due = time.monotonic() + _LOCKED_S
        except psycopg.Error as error:
            self._connection = None
            renewal.failed(first_line(error))
        else:
            renewal.renewed(row, asked_at)

    def _connect(self) -> psycopg.Connection[DictRow]:
        timeout = max(2, int(self._seconds / 2))
        options = f"-c statement_timeout={int(self._seconds * 500)} -c lock_timeout={max(50, int(self._seconds * 50))}"
        return psycopg.Connection[DictRow].connect(
            self._dsn,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=timeout,
            options=options,
            application_name="genie-lease",
            **heard_within(self._seconds / 2),
        )

    def _ask(self, connection: psycopg.Connection[DictRow], lease: Lease) -> DictRow | None:
        arguments = {"thread": lease.thread_id, "epoch": lease.epoch, "token": lease.token, "seconds": lease.seconds}
        return connection.execute(QUERIES["renew_lease"], arguments).fetchone()
