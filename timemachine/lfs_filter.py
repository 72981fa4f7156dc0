"""The program that git has between a work tree and its objects for files of Git LFS: pointers in git, contents in the tree.

Git starts this file by its path, with Python's own library alone; it asks no network, reads no configuration, and starts nothing.
What it speaks is described in git's `gitattributes(5)`, "Long Running Filter Process".
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

MOST_OF_POINTER: Final = 1024
_PIECE: Final = 65516
_MUCH: Final = 1 << 20
_POINTER: Final = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n")


class Pointer(NamedTuple):
    """What git holds in place of a content: the content's SHA-256 and its size."""

    oid: str
    size: int

    @property
    def text(self) -> bytes:
        """The pointer as git holds it."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n".encode()


def pointer_in(data: bytes) -> Pointer | None:
    """Return the pointer that the data is, or None if it is anything else."""
    found = _POINTER.fullmatch(data)
    return Pointer(found[1].decode(), int(found[2])) if found else None


def object_path(store: Path, oid: str) -> Path:
    """Return where a store has the content of that hash, laid out as Git LFS does it."""
    return store / "objects" / oid[:2] / oid[2:4] / oid


def has_content(store: Path, pointer: Pointer) -> bool:
    """Say whether a store has a file of that name and size."""
    try:
        return object_path(store, pointer.oid).stat().st_size == pointer.size
    except OSError:
        return False


def keep_content(store: Path, source: IO[bytes]) -> Pointer:
    """Put a content into a store under its hash; one that is there already stays as it is.

    Raises:
        OSError: if the disk does not let us.
    """
    (store / "tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=store / "tmp", prefix="genie-") as target:
        digest, size = hashlib.sha256(), 0
        while piece := source.read(_MUCH):
            digest.update(piece)
            size += target.write(piece)
        target.flush()
        pointer = Pointer(digest.hexdigest(), size)
        place = object_path(store, pointer.oid)
        place.parent.mkdir(parents=True, exist_ok=True)
        # A second name of the whole file: a crash leaves a content or none, and what is there is not written over.
        with suppress(FileExistsError):
            place.hardlink_to(target.name)
    return pointer


def opened(stores: list[Path], pointer: Pointer) -> IO[bytes] | None:
    """Open the content of a pointer in the first store that has it unbroken; None if none has."""
    for store in stores:
        if not has_content(store, pointer):
            continue
        with suppress(OSError):
            file = object_path(store, pointer.oid).open("rb")
            # A store can be written by an attempt's commands: only what has the hash is the content.
            if hashlib.file_digest(file, "sha256").hexdigest() == pointer.oid:
                file.seek(0)
                return file
            file.close()
    return None


def serve(source: IO[bytes], target: IO[bytes], stores: list[Path]) -> None:
    """Answer git until it has no more to ask; new contents go to the first store, and are read from all."""
    _lines(source)
    _say(target, b"git-filter-server", b"version=2")
    _lines(source)
    _say(target, b"capability=clean", b"capability=smudge")
    while request := _lines(source):
        with tempfile.SpooledTemporaryFile(max_size=_MUCH) as given:
            whole = _take(source, given)
            try:
                answer = (_cleaned(stores[0], given) if b"command=clean" in request else _smudged(stores, given)) if whole else None
            except OSError:
                answer = None
            if answer is None:
                _say(target, b"status=error")
                continue
            with answer:
                _send(target, answer)


def _take(source: IO[bytes], given: IO[bytes]) -> bool:
    """Take what git sends, to its end even where there is no room for it: else the next question is not understood."""
    whole = True
    for piece in _pieces(source):
        try:
            if whole:
                given.write(piece)
        except OSError:
            whole = False
    return whole


def _cleaned(store: Path, given: IO[bytes]) -> IO[bytes]:
    """The pointer of a content; what is a pointer already, or empty, is its own."""
    given.seek(0)
    head = given.read(MOST_OF_POINTER)
    given.seek(0)
    return io.BytesIO(head if not head or pointer_in(head) else keep_content(store, given).text)


def _smudged(stores: list[Path], given: IO[bytes]) -> IO[bytes]:
    """The content of a pointer where a store has it, else what git holds."""
    given.seek(0)
    pointer = pointer_in(given.read(MOST_OF_POINTER))
    given.seek(0)
    return (opened(stores, pointer) if pointer else None) or given


def _send(target: IO[bytes], content: IO[bytes]) -> None:
    _say(target, b"status=success")
    while piece := content.read(_PIECE):
        target.write(b"%04x" % (len(piece) + 4) + piece)
    target.write(b"0000")
    # An empty list: the status stays what it was.
    target.write(b"0000")
    target.flush()


def _say(target: IO[bytes], *lines: bytes) -> None:
    for line in lines:
        target.write(b"%04x" % (len(line) + 5) + line + b"\n")
    target.write(b"0000")
    target.flush()


def _lines(source: IO[bytes]) -> list[bytes]:
    return [piece.removesuffix(b"\n") for piece in _pieces(source)]


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    """The packets up to the one that ends a list, or up to the end of all."""
    while (length := int(source.read(4) or b"0", 16)) > 0:
        yield source.read(length - 4)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer, [Path(name) for name in sys.argv[1:]])
