"""The one file of a backup: a zip archive with the database as SQL, and a manifest that says what it is."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from epics.errors import InvalidInput
from epics.records import Record

FORMAT: Final = 1
SQL: Final = "database.sql"
MANIFEST: Final = "manifest.json"
CHUNK: Final = 1 << 20

_MOST_MANIFEST: Final = 1 << 20

Progress = Callable[[int], None]
"""Told how many bytes of SQL are done so far."""


class Manifest(Record):
    """What a backup is; written last, so that a file without it was cut off."""

    format: int
    genie: str
    taken_at: datetime
    postgres: str
    #: The numbered migrations of the database.
    migrations: tuple[str, ...]
    #: Epics by status.
    epics: dict[str, int]
    moments: int
    sql_bytes: int
    sql_sha256: str


class BackupWriter:
    """Writes the parts of a backup in their order; the target need not be seekable."""

    def __init__(self, target: BinaryIO) -> None:
        """Begin the archive."""
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._sql = self._zip.open(SQL, "w", force_zip64=True)
        self._hash = hashlib.sha256()
        self.written = 0

    def write(self, chunk: bytes) -> None:
        """Add a piece of SQL."""
        self._hash.update(chunk)
        self._sql.write(chunk)
        self.written += len(chunk)

    @property
    def sha256(self) -> str:
        """The hash of the SQL so far."""
        return self._hash.hexdigest()

    def close(self, manifest: Manifest) -> None:
        """Add the manifest, and end the archive."""
        self._sql.close()
        self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=2))
        self._zip.close()


def verified(path: Path, progress: Progress) -> Manifest:
    """Read a backup from its first byte to its last, and return its manifest if all of it is as it was written.

    Raises:
        InvalidInput: if it cannot be read, is no backup, was cut off or has changed.
    """
    with _foreseen(path), zipfile.ZipFile(path) as archive:
        if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
            raise zipfile.BadZipFile
        manifest = Manifest.model_validate_json(archive.read(MANIFEST))
        if manifest.format != FORMAT:
            raise InvalidInput(f"{path} is a backup of format {manifest.format}, and this Genie reads {FORMAT}: install the newer Genie")
        found, size = hashlib.sha256(), 0
        for chunk in _pieces(archive):
            found.update(chunk)
            size += len(chunk)
            progress(size)
    if (size, found.hexdigest()) != (manifest.sql_bytes, manifest.sql_sha256):
        raise InvalidInput(f"{path} has changed since it was written: its checksum is wrong; take another backup")
    return manifest


def pieces(path: Path) -> Iterator[bytes]:
    """The SQL of a backup, piece by piece.

    Raises:
        InvalidInput: if it cannot be read.
    """
    with _foreseen(path), zipfile.ZipFile(path) as archive:
        yield from _pieces(archive)


def _pieces(archive: zipfile.ZipFile) -> Iterator[bytes]:
    with archive.open(SQL) as sql:
        while chunk := sql.read(CHUNK):
            yield chunk


@contextmanager
def _foreseen(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"the backup {path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValidationError, NotImplementedError, RuntimeError) as error:
        raise InvalidInput(f"{path} is no whole backup of Genie: it was cut off, damaged, or is something else") from error
