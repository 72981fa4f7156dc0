"""Where the master keys of an installation come from: the settings, or, beside an embedded database, a file in its home."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from config.settings import Settings
from epics.errors import Environment, InvalidSettings
from safety.master_keys import MasterKey, master_keys, new_master_key

FILE: Final = "secret.key"


@dataclass(frozen=True, kw_only=True)
class MasterKeys:
    """Finds the master keys; makes the first one where a home may have its own."""

    given: str = field(default="", repr=False)
    """As it is set."""
    file: Path | None = None
    home: Path | None = None
    """The home of an embedded database; None where the database is shared by several hosts, which must be given the same key."""

    @property
    def own(self) -> Path | None:
        """The file in the home, there or not."""
        return None if self.home is None else self.home / FILE

    def read(self) -> tuple[MasterKey, ...]:
        """All master keys; the first one seals.

        Raises:
            InvalidSettings: if one of them is no key, or its file cannot be read.
        """
        found = list(master_keys(self.given))
        if self.file is not None:
            found += master_keys(_text_of(self.file))
        if self.own is not None and self.own.exists():
            found += master_keys(_text_of(self.own))
        return tuple({key.name: key for key in found}.values())

    def values(self) -> tuple[str, ...]:
        """The keys as they are written, for keeping them out of texts; of files that cannot be read, none."""
        places = [path for path in (self.file, self.own) if path is not None and path.exists()]
        try:
            texts = [self.given, *(_text_of(path) for path in places)]
        except InvalidSettings:
            texts = [self.given]
        return tuple(word for text in texts for word in text.replace(",", " ").split())

    def with_first(self, new: str) -> MasterKeys:
        """These keys, and a new one before them."""
        return replace(self, given=f"{new} {self.given}")

    def keep_both(self, new: str) -> None:
        """Put a new key before the own one of this home, if it has one: whichever of them is needed, it is there."""
        if self.own is not None and self.own.exists():
            write_key(self.own, f"{new}\n{_text_of(self.own).strip()}", over=True)

    def keep_only(self, new: str) -> None:
        """Put a new key in place of the own one of this home, if it has one."""
        if self.own is not None and self.own.exists():
            write_key(self.own, new, over=True)

    def make(self) -> bool:
        """Make the key of this home, unless it has one by now; False where a home has none of its own."""
        if self.own is None:
            return False
        write_key(self.own, new_master_key(), over=False)
        return True


def new_key_in(path: Path) -> str:
    """The one new key in a file.

    Raises:
        InvalidSettings: if the file cannot be read, or has no key or several.
    """
    words = _text_of(path).split()
    if len(words) != 1:
        raise InvalidSettings(f"the file {path} must hold one key and nothing else: `genie secret key` prints one")
    master_keys(words[0])
    return words[0]


def master_keys_of(settings: Settings) -> MasterKeys:
    """Where these settings say that the keys are."""
    given = settings.secret_key.get_secret_value() if settings.secret_key is not None else ""
    return MasterKeys(given=given, file=settings.secret_key_file, home=settings.home if settings.database_url is None else None)


def write_key(path: Path, text: str, *, over: bool) -> None:
    """Write keys to a file that only its owner can read, whole or not at all; one that is there stays unless it is to be replaced.

    Raises:
        Environment: if it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            if over:
                part.replace(path)
            else:
                _link(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Environment(f"the key for secrets cannot be kept in {path}: {error.strerror or error}; set GENIE_SECRET_KEY") from error


def _link(part: Path, path: Path) -> None:
    """Give a file its name, unless another process was quicker."""
    if not path.exists():
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"the key for secrets cannot be read from {path}: is it a text file that this user may read?") from error
