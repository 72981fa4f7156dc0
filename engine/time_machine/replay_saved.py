"""Checking saved histories, files that `genie time export` wrote: nothing is imported, and no database is asked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from engine.assembling import Installation
from engine.time_machine.replay import Code
from engine.time_machine.replay_checking import OnChecked, check_recorded, in_all
from engine.time_machine.replay_views import Check, Checked
from engine.time_machine.saved_reading import open_saved
from epics.errors import GenieError, InvalidInput

SUFFIX: Final = ".genie"
"""What the names of saved histories mostly end in; one that is damaged is known by that alone."""


async def check_saved(installation: Installation, place: Path, *, code: Code | None = None, on_checked: OnChecked | None = None) -> Check:
    """Hold a saved history, or each of those in a folder, against the code of now.

    Args:
        installation: what of this machine a replay needs; its database is not asked.
        place: a file, or a folder of files.
        code: what to hold them against.
        on_checked: called with each as it is done.

    Raises:
        InvalidInput: if there is no such file, or no saved history in the folder.
    """
    items: list[Checked] = []
    for file in saved_in(place):
        items.append(await _check(installation, file, code or Code()))
        if on_checked is not None:
            on_checked(items[-1])
    return in_all(items)


def saved_in(place: Path) -> tuple[Path, ...]:
    """The file itself, or the saved histories in a folder, by name.

    Raises:
        InvalidInput: if there is none.
    """
    if place.is_file():
        return (place,)
    if not place.is_dir():
        message = f"there is no file or folder {place}: give what `genie time export` wrote, a folder of such files, or `all`"
        raise InvalidInput(message)
    found = tuple(file for file in sorted(place.iterdir()) if file.is_file() and (file.suffix == SUFFIX or zipfile.is_zipfile(file)))
    if not found:
        message = f"the folder {place} has no saved history in it: make one with `genie time export EPIC FILE`"
        raise InvalidInput(message)
    return found


async def _check(installation: Installation, file: Path, code: Code) -> Checked:
    try:
        async with open_saved(file, installation.git_environment) as (recorded, workspace):
            return await check_recorded(installation, recorded, workspace.mirror, str(file), code)
    except GenieError as error:
        # A file that cannot be read says nothing; among others, it must not stop them.
        why = str(error)
        return Checked(epic=file.name, source=str(file), status="unknown", in_flight=False, moments=0, result="not checked", why=why)
