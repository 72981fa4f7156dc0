"""The chain of the audit: what of a row is hashed, and whether rows hold together. Everything here works without a database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Final

from pydantic import AwareDatetime

from epics.access_errors import AuditBroken
from epics.errors import InvalidInput
from epics.records import Record

BEGINNING: Final = "00" * 32
"""What the first row has in the place of the hash of a row before."""

_ANCHOR: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


class AuditRow(Record):
    """One row, with all that is hashed; a file of the audit has one in each line, as JSON."""

    n: int
    at: AwareDatetime
    person: str
    channel: str
    via: str
    address: str
    deed: str
    kind: str
    subject: str
    epic: str
    repo: str
    content_hash: str
    answer: str
    refused: bool
    data: str
    """JSON, as the text that is hashed."""
    previous: str
    """The hash of the row before."""
    hash: str


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The end of the chain at some time, kept elsewhere: whoever writes the whole chain anew cannot change it."""

    n: int
    hash: str

    @classmethod
    def parsed(cls, text: str) -> Anchor:
        """Read `N:HASH`.

        Raises:
            InvalidInput: if it is none.
        """
        found = _ANCHOR.fullmatch(text.strip().lower())
        if found is None:
            message = f"an anchor is the number of a row, a colon and its hash, as `genie audit verify` prints it, not {text[:80]!r}"
            raise InvalidInput(message)
        return cls(n=int(found[1]), hash=found[2])

    def __str__(self) -> str:
        """As `parsed` reads it."""
        return f"{self.n}:{self.hash}"


def hashed_text(row: AuditRow) -> str:
    """What the hash of a row is over, as `audit_text()` of the database has it: the form's name, then each field as a netstring."""
    fields = (
        str(row.n),
        row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        *(row.person, row.channel, row.via, row.address, row.deed, row.kind, row.subject, row.epic, row.repo, row.content_hash, row.answer),
        "refused" if row.refused else "",
        row.data,
        row.previous,
    )
    return "genie audit 1\n" + "".join(f"{len(field.encode())}:{field}," for field in fields)


def hash_of(row: AuditRow) -> str:
    """The hash that a row must have."""
    return sha256(hashed_text(row).encode()).hexdigest()


class Chain:
    """Looks at rows in their order, and names the first that is not as it was written."""

    def __init__(self, anchor: Anchor | None = None, *, whole: bool = True) -> None:
        """Begin before the first row.

        Args:
            anchor: what one of the rows must be.
            whole: whether the first row must be number 1; a part begins anywhere, and what its first row goes on from is not known.
        """
        self._anchor = anchor
        self._whole = whole
        self._last: AuditRow | None = None
        self._suspect: AuditRow | None = None
        self.first: int | None = None
        self.rows = 0

    @property
    def end(self) -> Anchor | None:
        """The last row that was looked at."""
        return None if self._last is None else Anchor(n=self._last.n, hash=self._last.hash)

    def add(self, row: AuditRow) -> None:
        """Look at the next row.

        Raises:
            AuditBroken: naming the first row that was changed, is missing, or was put in.
        """
        if self._suspect is not None:
            # Of two rows that do not fit, the one that the next goes on from is the right one.
            self._blame(self._suspect, is_followed=row.previous == self._suspect.hash)
        self._check_number(row)
        if hash_of(row) != row.hash:
            raise AuditBroken(f"row {row.n} of the audit was changed: what it says is not what its hash is of")
        if self._last is None:
            if row.n == 1 and row.previous != BEGINNING:
                raise AuditBroken("row 1 of the audit was changed and hashed anew: it goes on from a row before it, and there is none")
        elif row.previous != self._last.hash:
            self._suspect = row
        self._check_anchor(row)
        self.first = row.n if self.first is None else self.first
        self._last, self.rows = row, self.rows + 1

    def finish(self, head: Anchor | None = None) -> None:
        """See that the end is the end.

        Args:
            head: what the database keeps of its last row; without it only an anchor can tell that rows are missing at the end.

        Raises:
            AuditBroken: naming the first row that is missing, was put in behind the end, or was changed.
        """
        last = 0 if self._last is None else self._last.n
        if self._suspect is not None:
            self._blame(self._suspect, is_followed=head is not None and head.hash == self._suspect.hash)
        if head is not None and last < head.n:
            raise AuditBroken(f"row {last + 1} of the audit is missing: {_through(last + 1, head.n)} taken away from the end")
        if head is not None and self._last is not None and self._last.hash != head.hash:
            raise AuditBroken(f"row {last} of the audit was changed and hashed anew: the end of the chain was another row")
        if self._anchor is not None and last < self._anchor.n:
            raise AuditBroken(f"row {last + 1} of the audit is missing: the anchor is of row {self._anchor.n}, and this ends before")
        if self._anchor is not None and self.first is not None and self._anchor.n < self.first:
            message = f"the anchor is of row {self._anchor.n}, and the file begins at row {self.first}: give one of a row in it"
            raise InvalidInput(message)

    def _check_number(self, row: AuditRow) -> None:
        if self._last is None and not self._whole:
            return
        expected = 1 if self._last is None else self._last.n + 1
        if row.n > expected:
            raise AuditBroken(f"row {expected} of the audit is missing: {_through(expected, row.n - 1)} taken away")
        if row.n < expected:
            raise AuditBroken(f"row {row.n} of the audit was put in: its number is not that of the next row, {expected}")

    def _check_anchor(self, row: AuditRow) -> None:
        if self._anchor is not None and row.n == self._anchor.n and row.hash != self._anchor.hash:
            raise AuditBroken(f"row {row.n} of the audit is not the one that the anchor is of: it, or rows before it, were written anew")

    def _blame(self, suspect: AuditRow, *, is_followed: bool) -> None:
        n = suspect.n - 1 if is_followed else suspect.n
        raise AuditBroken(f"row {n} of the audit was changed and hashed anew, or put in: {_neighbour(n, suspect.n)}")


def _through(first: int, last: int) -> str:
    return "it was" if first == last else f"{last - first + 1} rows, {first} to {last}, were"


def _neighbour(n: int, suspect: int) -> str:
    return f"row {suspect} goes on from another one" if n < suspect else f"it does not go on from row {n - 1}"
