"""Who works on the database itself, and the key that this machine's command line shows to a server on it."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from db.connection import Connection, Pool
from db.keys import NewKey, asked_key, grants_in, insert_key, revoke_keys_of_place
from db.people import changing_people, insert_person, link_identity, person_identified, person_named
from engine.access.authenticating import Authenticating
from engine.access.giving import ALL, OS, local_name, tell_audit, texts_of
from engine.access.os_user import user_name
from engine.access.trusted import Trusted
from epics.access_errors import Unauthenticated
from epics.callers import Caller, acting_as
from epics.ids import new_id
from safety.key_text import KeyText, key_in, new_key

FILE: Final = "key"
"""The file in GENIE_HOME."""

CHANNEL: Final = "cli"

_MOST_BYTES: Final = 1_000
_OF_OTHERS: Final = 0o077


class Local:
    """This user, on this machine."""

    def __init__(self, pool: Pool, trusted: Trusted, authenticating: Authenticating, user: str | None = None) -> None:
        """Bind to the database.

        Args:
            pool: the database.
            trusted: has the key of this process, if it was given one.
            authenticating: who asks by a key.
            user: the user of the operating system; None for the one whose process this is.
        """
        self._pool = pool
        self._trusted = trusted
        self._authenticating = authenticating
        self._user = user or user_name()

    async def caller(self) -> Caller:
        """Who uses this process on the database itself.

        That is who the process's own key names; else the person whom the user of the operating system is; else that user as an admin: the
        password of the database opens everything in it anyway.

        Raises:
            Unauthenticated: if the process has a key that does not hold.
        """
        if self._trusted.key is not None:
            try:
                return await self._authenticating.authenticate(self._trusted.key.get_secret_value(), channel=CHANNEL)
            except Unauthenticated as error:
                raise Unauthenticated("the key in GENIE_KEY does not hold in this database: set one that does, or unset it") from error
        return await self._user_caller()

    async def _user_caller(self) -> Caller:
        name = local_name(self._user)
        row = await person_identified(self._pool, OS, self._user) or await person_named(self._pool, name)
        grants, groups = ((ALL,), ()) if row is None else (grants_in(row["grants"]), tuple(row["groups"]))
        person = name if row is None else row["name"]
        return Caller(person=person, channel=CHANNEL, via=f"{OS}:{self._user}", grants=grants, groups=groups)

    async def home_key(self, home: Path) -> Path:
        """The file with this user's key, made if it is missing or opens nothing in this database; the user becomes a person with it."""
        path = home / FILE
        if await self._opens(path):
            return path
        async with changing_people(self._pool) as connection:
            # Another process may have made it while this one waited for its turn.
            if await self._opens(path, connection):
                return path
            person, entered = await self._entered(connection)
            name = await asyncio.to_thread(_place_of, path)
            await revoke_keys_of_place(connection, person, name, person)
            shown = new_key()
            new = NewKey(
                id=new_id("k"), prefix=shown.prefix, hash=shown.hash, person=person, name=name, grants=(ALL,), by=person, lasts=None
            )
            await insert_key(connection, new)
            # Before the commit: a file whose key is not in the database is made again, a key that no file has would stay for ever.
            await asyncio.to_thread(_write, path, shown)
            with acting_as(await self._user_caller()):
                data = {"person": person, "grants": texts_of(new.grants)}
                await tell_audit(connection, "create", kind="key", subject=new.id, entered=entered, data=data)
        return path

    async def _entered(self, connection: Connection) -> tuple[str, bool]:
        """Who the user is as a person, and whether that is news."""
        row = await person_identified(connection, OS, self._user) or await person_named(connection, local_name(self._user))
        if row is not None:
            return str(row["name"]), False
        name = local_name(self._user)
        await insert_person(connection, name, (ALL,), (), name)
        await link_identity(connection, name, OS, self._user)
        return name, True

    async def _opens(self, path: Path, connection: Connection | None = None) -> bool:
        shown = await asyncio.to_thread(_read, path)
        row = None if shown is None else await asked_key(connection or self._pool, shown.prefix)
        if shown is None or row is None or row["person_grants"] is None:
            return False
        return shown.has_hash(bytes(row["hash"])) and not row["revoked"] and not row["expired"]


def _read(path: Path) -> KeyText | None:
    try:
        with path.open("rb") as file:
            # Others of this machine have no business in it, whoever put it there; what is mounted to be read only stays as it is.
            if os.fstat(file.fileno()).st_mode & _OF_OTHERS:
                with suppress(OSError):
                    os.fchmod(file.fileno(), 0o600)
            return key_in(file.read(_MOST_BYTES).decode("ascii", "replace").strip())
    except OSError:
        return None


def _place_of(path: Path) -> str:
    """Where a key file is, with the number of its folder: servers of one host name and one path may have a volume each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent.stat()
    return f"{socket.gethostname()}:{path}"[:160] + f" ({folder.st_dev}-{folder.st_ino})"


def _write(path: Path, shown: KeyText) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{shown.text}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
