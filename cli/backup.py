"""Backing up the database into one file, and restoring it from there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from cli.database import open_dsn, where
from cli.errors import ExitCode
from cli.output import Output
from cli.process import CHANNEL
from cli.render import facts
from cli.words import local, many, size
from config.settings import Settings
from db.backup import back_up, new_file
from db.backup_file import Manifest, Progress
from db.restoring import Restored
from db.restoring import restore as restore_database
from engine.access.giving import local_name
from engine.access.os_user import user_name
from epics.callers import Caller, acting_as
from epics.errors import InvalidInput
from epics.records import Record


class RestoreAnswer(Record):
    """What was restored, as `--json` prints it."""

    database: str
    backup: Manifest
    set_aside: str | None
    migrated: tuple[str, ...]


async def backup(file: str, output: Output, *, overwrite: bool) -> int:
    """Write the database into a file, or to stdout, which then holds nothing else.

    Raises:
        InvalidInput: if the file is there already, or stdout is a terminal.
    """
    settings = Settings.from_env()
    if file == "-" and sys.stdout.isatty():
        raise InvalidInput("a backup is no text for a terminal: name a file, or send stdout into one")
    with _progress(output, "backed up") as progress:
        if file == "-":
            async with open_dsn(settings) as dsn:
                manifest = await back_up(dsn, sys.stdout.buffer, progress)
            output.say(_sentence(manifest))
            return ExitCode.DONE
        path = Path(file)
        with new_file(path, overwrite=overwrite) as target:
            async with open_dsn(settings) as dsn:
                manifest = await back_up(dsn, target, progress)
    parts: list[RenderableType] = [
        Text(f"wrote {path}: {size(path.stat().st_size)}, {_sentence(manifest)}"),
        Text("it holds everything but the key to what is sealed: keep it where only you can read it, and that key apart", style="dim"),
    ]
    output.answer(record=manifest, parts=parts)
    return ExitCode.DONE


async def restore(file: Path, output: Output, *, replace: bool, force: bool) -> int:
    """Restore the database from a file."""
    settings = Settings.from_env()
    with _progress(output, "checked and restored") as progress:
        async with open_dsn(settings) as dsn:
            with acting_as(Caller(person=local_name(user_name()), channel=CHANNEL, via=f"os:{user_name()}")):
                done = await restore_database(dsn, file, replace=replace, force=force, progress=progress)
    answer = RestoreAnswer(database=where(settings), backup=done.manifest, set_aside=done.set_aside, migrated=done.migrated)
    output.answer(record=answer, parts=_parts(done, where(settings)))
    return ExitCode.DONE


def _parts(done: Restored, database: str) -> Iterator[RenderableType]:
    aside = (
        f"what was there is in the schema {done.set_aside}; to delete it: DROP SCHEMA {done.set_aside} CASCADE" if done.set_aside else ""
    )
    yield facts(
        [
            ("restored", _sentence(done.manifest)),
            ("into", database),
            ("set aside", aside),
            ("migrated", ", ".join(done.migrated)),
            ("go on with", "genie worker, or genie epic list and genie epic resume"),
        ]
    )


def _sentence(manifest: Manifest) -> str:
    by_status = ", ".join(f"{number:,} {status}" for status, number in sorted(manifest.epics.items()))
    epics = many(sum(manifest.epics.values()), "epic")
    return f"{epics}{f' ({by_status})' if by_status else ''} as of {local(manifest.taken_at)}, Genie {manifest.genie}"


@contextmanager
def _progress(output: Output, done: str) -> Iterator[Progress]:
    """A line that counts, where a person looks on."""
    if not output.notes.is_terminal:
        yield lambda _: None
        return
    with output.notes.status("0 B") as status:
        yield lambda number: status.update(f"{size(number)} {done}")
