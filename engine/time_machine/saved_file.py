"""The one file of a saved history: a zip archive of the records, of the git history, and of a manifest that says what it is."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from engine.time_machine.saved import FORMAT, OLDEST_FORMAT, History, Manifest
from epics.errors import InvalidInput, SchemaMismatch
from epics.upgrades import THIS_RELEASE

RECORDS: Final = "records.json"
HISTORY: Final = "history.bundle"
MANIFEST: Final = "manifest.json"
CHUNK: Final = 1 << 20

#: Unpacked, in bytes: more than any history has, and less than fills a machine.
MOST: Final[Mapping[str, int]] = {RECORDS: 1 << 30, HISTORY: 32 << 30, MANIFEST: 1 << 20}

_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, RecursionError, NotImplementedError, RuntimeError),
)

# The same content gives the same bytes.
_WHEN: Final = (1980, 1, 1, 0, 0, 0)


def as_bytes(records: Mapping[str, Any]) -> bytes:
    """Records as they stand in the file; only ASCII, so that any text of any agent goes through, and in the order that they have."""
    return json.dumps(records, separators=(",", ":")).encode("ascii")


def write_saved(target: BinaryIO, records: bytes, bundle: Path, manifest: Manifest) -> None:
    """Write the parts of a file in their order."""
    with zipfile.ZipFile(target, "w") as archive:
        with archive.open(_entry(RECORDS, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as part:
            part.write(records)
        # Git has compressed it already.
        with bundle.open("rb") as source, archive.open(_entry(HISTORY, zipfile.ZIP_STORED), "w", force_zip64=True) as part:
            while chunk := source.read(CHUNK):
                part.write(chunk)
        archive.writestr(_entry(MANIFEST, zipfile.ZIP_DEFLATED), manifest.model_dump_json(indent=2))


def read_manifest(path: Path) -> Manifest:
    """What a file says that it is.

    Raises:
        InvalidInput: if it is no saved history, or was cut off.
        SchemaMismatch: if a newer Genie made it.
    """
    with _opened(path) as archive:
        manifest = Manifest.model_validate_json(_whole(archive, MANIFEST))
    written, release = (manifest.graph_version, manifest.state_version), THIS_RELEASE
    if manifest.format > FORMAT or written[0] > release.graph or written[1] > release.state:
        raise SchemaMismatch(f"{path} was made by a newer Genie ({manifest.genie}): install that Genie to read it")
    if manifest.format < OLDEST_FORMAT:
        raise InvalidInput(f"{path} has format {manifest.format}, and this Genie reads {OLDEST_FORMAT} to {FORMAT}")
    return manifest


def read_history(path: Path) -> tuple[Manifest, History]:
    """The records of a file, checked against its manifest.

    Raises:
        InvalidInput: if it is no whole history.
        SchemaMismatch: if a newer Genie made it.
    """
    manifest = read_manifest(path)
    with _opened(path) as archive:
        records = _whole(archive, RECORDS)
        if hashlib.sha256(records).hexdigest() != manifest.records_sha256:
            raise InvalidInput(f"{path} has changed since it was written: the checksum of its records is wrong")
        history = History.model_validate(json.loads(records))
        history.commits()
    return manifest, history


def unpack_bundle(path: Path, manifest: Manifest, to: Path) -> None:
    """Write the git history of a file to a place of ours.

    Raises:
        InvalidInput: if it is not what the manifest says.
    """
    seen, size = hashlib.sha256(), 0
    with _opened(path) as archive, archive.open(HISTORY) as part, to.open("xb") as target:
        while chunk := part.read(CHUNK):
            size += len(chunk)
            if size > manifest.history_bytes:
                break
            seen.update(chunk)
            target.write(chunk)
    if (size, seen.hexdigest()) != (manifest.history_bytes, manifest.history_sha256):
        raise InvalidInput(f"{path} has changed since it was written: the checksum of its git history is wrong")


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.compress_type = method
    entry.external_attr = 0o600 << 16
    return entry


def _whole(archive: zipfile.ZipFile, name: str) -> bytes:
    # Not what the directory of the archive promises: what comes out of it.
    with archive.open(name) as part:
        content = part.read(MOST[name] + 1)
    if len(content) > MOST[name]:
        raise InvalidInput(f"{archive.filename} is no history of Genie: its {name} has more than {MOST[name]:,} bytes")
    return content


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(entry.filename for entry in archive.infolist())
            if names != sorted(MOST):
                shown = ", ".join(repr(name[:60]) for name in names[:5])
                raise InvalidInput(f"{path} is no history of Genie: it holds {shown or 'nothing'}, not {', '.join(sorted(MOST))}")
            yield archive
    except OSError as error:
        raise InvalidInput(f"the file {path} cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise InvalidInput(f"{path} is no history of Genie: {where[:200]}: {fault['msg'][:200]}") from error
    except _DAMAGED as error:
        raise InvalidInput(f"{path} is no whole history of Genie: it was cut off, damaged, or is something else") from error
