"""A file of the audit, checked without a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from engine.audit_views import AuditCheck
from epics.audit import Anchor, AuditRow, Chain
from epics.errors import InvalidInput

_LONGEST_LINE: Final = 1_000_000


def verify_file(path: Path, anchor: Anchor | None = None) -> AuditCheck:
    """Look at every row of a file that `genie audit export` wrote.

    Args:
        path: the file.
        anchor: the end of the chain at some time; only one can tell that rows are missing at the end of a file.

    Raises:
        InvalidInput: if it is no such file.
        AuditBroken: naming the first row that was changed, is missing, or was put in.
    """
    chain: Chain | None = None
    for row in _rows_in(path):
        chain = Chain(anchor, whole=row.n == 1) if chain is None else chain
        try:
            chain.add(row)
        except OverflowError as error:
            message = f"row {row.n} in {path} has a time that is none"
            raise InvalidInput(message) from error
    if chain is None:
        chain = Chain(anchor, whole=False)
    chain.finish()
    return AuditCheck.up_to(chain.rows, chain.first, chain.end)


def _rows_in(path: Path) -> Iterator[AuditRow]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                yield _row_in(line, path, number)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise InvalidInput(message) from error


def _row_in(line: bytes, path: Path, number: int) -> AuditRow:
    try:
        return AuditRow.model_validate_json(line)
    except ValidationError as error:
        message = f"line {number} of {path} is no row of an audit: name a file that `genie audit export` wrote"
        raise InvalidInput(message) from error
