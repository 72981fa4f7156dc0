"""Who may give which rights: only admins, and none more than they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from db.audit import audited
from db.connection import Connection
from db.people import insert_person, is_without_admin, link_identity, person_named
from epics.access_errors import Forbidden
from epics.callers import Caller, current_caller
from epics.errors import Conflict, InvalidInput
from epics.granting import covers, grant_text
from epics.roles import Grant, Role

OS: Final = "os"
ALL: Final = Grant(role=Role.ADMIN)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_NOTHING: Final[Mapping[str, Any]] = {}
_OURS: Final = frozenset({"genie", "auto"})


def checked_name(name: str) -> str:
    """The name of a person, as one may be called.

    Raises:
        InvalidInput: if nobody may be called so.
    """
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        raise InvalidInput(
            f"{name[:120]!r} cannot be the name of a person: use letters, digits and . _ @ + -, at most 100, "
            f"and none of {', '.join(sorted(_OURS))}, which stand for Genie itself"
        )
    return name


def local_name(user: str) -> str:
    """What a user of the operating system is called here."""
    name = re.sub(r"[^A-Za-z0-9._@+-]", "-", user)[:90]
    return name if _NAME.fullmatch(name) and name.lower() not in _OURS else f"os-{name.lstrip('._@+-')}"


def check_may_give(caller: Caller, grants: Iterable[Grant]) -> None:
    """Let only admins hand rights on, each on the repositories that it administers.

    Raises:
        Forbidden: if the caller does not administer all that a grant is about.
    """
    own = [grant for grant in caller.grants if grant.role is Role.ADMIN]
    for grant in grants:
        if not covers(own, grant):
            raise Forbidden(
                f"{caller.person} cannot give {grant_text(grant)}: that needs admin on all that it is about; ask an admin for it"
            )


async def enter_first_admin(connection: Connection, caller: Caller) -> bool:
    """Enter the user of this machine as a person, who acted without being one: whoever holds the database administers it."""
    if not caller.via.startswith(f"{OS}:") or await person_named(connection, caller.person) is not None:
        return False
    await insert_person(connection, caller.person, caller.grants, (), caller.person)
    await link_identity(connection, caller.person, OS, caller.via.removeprefix(f"{OS}:"))
    return True


async def tell_audit(
    connection: Connection, deed: str, *, kind: str, subject: str, data: Mapping[str, Any] = _NOTHING, entered: bool = False
) -> None:
    """Add what was done to the audit, last in its transaction; before it, that the caller was entered as a person on this occasion."""
    if entered:
        caller = current_caller()
        await audited(connection, "add", kind="person", subject=caller.person, data={"grants": texts_of(caller.grants)})
    await audited(connection, deed, kind=kind, subject=subject, data=data)


def texts_of(grants: Iterable[Grant]) -> list[str]:
    """Grants as they are written."""
    return [grant_text(grant) for grant in grants]


async def refuse_without_admin(connection: Connection) -> None:
    """Undo a change after which nobody could change anything any more.

    Raises:
        Conflict: if no person is left who may administer everything.
    """
    if await is_without_admin(connection):
        raise Conflict("nobody would be left who may administer everything: give another person the role admin on all repositories first")
