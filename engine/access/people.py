"""People: added, changed, linked to what each channel knows them by, removed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from db.connection import Connection, Pool
from db.keys import grants_in, revoke_keys_of_person
from db.people import (
    changing_people,
    delete_person,
    insert_person,
    link_identity,
    list_people,
    person_named,
    unlink_identity,
    update_person,
)
from engine.access.giving import check_may_give, checked_name, enter_first_admin, refuse_without_admin, tell_audit, texts_of
from engine.access.views import PersonView
from epics.access_errors import PersonNotFound
from epics.callers import Caller, current_caller
from epics.errors import Conflict, InvalidInput
from epics.roles import Deed, Grant

IDENTITIES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "os": (re.compile(r"[^\s:/]{1,100}"), "a user of the operating system, such as anna"),
    "slack": (re.compile(r"[TE][A-Z0-9]{2,30}/[UW][A-Z0-9]{2,30}"), "a Slack team and user, such as T024BE7LD/U012A3CDE"),
    "jwt": (re.compile(r"\S{1,500} \S{1,500}"), "the issuer and the subject of tokens, with a space between them"),
}
"""What each channel knows people by, and how that is written."""

_GROUP: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MOST_GROUPS: Final = 100

Identity = tuple[str, str]
"""A kind and a value."""


class People:
    """What can be done with people; each deed needs an admin."""

    def __init__(self, pool: Pool) -> None:
        """Bind to the database."""
        self._pool = pool

    async def add_person(
        self, name: str, grants: Sequence[Grant] = (), *, groups: Iterable[str] = (), identities: Iterable[Identity] = ()
    ) -> PersonView:
        """Add a person, or a program that acts by itself.

        Raises:
            InvalidInput: if the name, a group or an identity cannot be one.
            Conflict: if the name or an identity is taken.
            Forbidden: if the caller administers less than the person would have.
        """
        caller = _admin(grants)
        checked_name(name)
        linked, inside = tuple(map(_checked_identity, identities)), _checked_groups(groups)
        async with changing_people(self._pool) as connection:
            entered = caller.person != name and await enter_first_admin(connection, caller)
            if not await insert_person(connection, name, grants, inside, caller.person):
                raise Conflict(f"there is a person {name!r} already: change them with `genie person set`")
            for kind, value in linked:
                await _link(connection, name, kind, value)
            await refuse_without_admin(connection)
            data = {"grants": texts_of(grants), "groups": list(inside), "known_by": [list(each) for each in linked]}
            await tell_audit(connection, "add", kind="person", subject=name, entered=entered, data=data)
        return await self.person(name)

    async def people(self) -> tuple[PersonView, ...]:
        """All people, by name."""
        _admin()
        return tuple(PersonView.model_validate(row) for row in await list_people(self._pool))

    async def person(self, name: str) -> PersonView:
        """One person.

        Raises:
            PersonNotFound: if there is none of that name.
        """
        _admin()
        rows = await list_people(self._pool, name)
        if not rows:
            raise _not_there(name)
        return PersonView.model_validate(rows[0])

    async def set_person(self, name: str, *, grants: Sequence[Grant] | None = None, groups: Iterable[str] | None = None) -> PersonView:
        """Give a person other grants, or put them into other groups; what is None stays. It holds from the next request on.

        Raises:
            PersonNotFound: if there is none of that name.
            Conflict: if nobody would be left who may administer everything.
            Forbidden: if the caller administers less than the person has, or would have.
        """
        caller = _admin(grants or ())
        async with changing_people(self._pool) as connection:
            entered = await enter_first_admin(connection, caller)
            await _check_ruled(connection, caller, name)
            inside = None if groups is None else _checked_groups(groups)
            await update_person(connection, name, grants, inside)
            await refuse_without_admin(connection)
            data = {
                "grants": None if grants is None else texts_of(grants),
                "groups": None if inside is None else list(inside),
            }
            await tell_audit(connection, "set", kind="person", subject=name, entered=entered, data=data)
        return await self.person(name)

    async def link(self, name: str, kind: str, value: str) -> PersonView:
        """Let a channel know a person by a name too.

        Raises:
            PersonNotFound: if there is none of that name.
            Conflict: if another person has it.
        """
        caller = _admin()
        checked = _checked_identity((kind, value))
        async with changing_people(self._pool) as connection:
            entered = await enter_first_admin(connection, caller)
            await _check_ruled(connection, caller, name)
            await _link(connection, name, *checked)
            await tell_audit(connection, "link", kind="person", subject=name, entered=entered, data={"known_by": list(checked)})
        return await self.person(name)

    async def unlink(self, name: str, kind: str, value: str) -> PersonView:
        """Let a channel not know a person by a name any more.

        Raises:
            PersonNotFound: if there is none of that name, or it is not known so.
        """
        caller = _admin()
        async with changing_people(self._pool) as connection:
            await _check_ruled(connection, caller, name)
            if not await unlink_identity(connection, name, kind, value):
                raise PersonNotFound(f"{name} is not known by the {kind[:20]} name {value[:200]!r}: see `genie person show {name}`")
            await tell_audit(connection, "unlink", kind="person", subject=name, data={"known_by": [kind, value]})
        return await self.person(name)

    async def remove_person(self, name: str) -> tuple[str, ...]:
        """Remove a person, with the links and with all keys, which open nothing from now on; returns the ids of the keys.

        Raises:
            PersonNotFound: if there is none of that name.
            Conflict: if nobody would be left who may administer everything.
        """
        caller = _admin()
        async with changing_people(self._pool) as connection:
            await _check_ruled(connection, caller, name)
            gone = await revoke_keys_of_person(connection, name, caller.person)
            await delete_person(connection, name)
            await refuse_without_admin(connection)
            await tell_audit(connection, "remove", kind="person", subject=name, data={"keys": list(gone)})
        return gone


def _admin(grants: Iterable[Grant] = ()) -> Caller:
    caller = current_caller()
    caller.check(Deed.ADMINISTER)
    check_may_give(caller, grants)
    return caller


async def _check_ruled(connection: Connection, caller: Caller, name: str) -> None:
    row = await person_named(connection, name)
    if row is None:
        raise _not_there(name)
    check_may_give(caller, grants_in(row["grants"]))


async def _link(connection: Connection, name: str, kind: str, value: str) -> None:
    owner = await link_identity(connection, name, kind, value)
    if owner != name:
        raise Conflict(f"{owner} is known by the {kind} name {value!r} already: `genie person unlink {owner} --{kind} {value!r}` first")


def _checked_identity(identity: Identity) -> Identity:
    kind, value = identity
    if kind not in IDENTITIES:
        raise InvalidInput(f"there is no channel {kind[:40]!r} that knows people; there are {', '.join(IDENTITIES)}")
    pattern, what = IDENTITIES[kind]
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{value[:200]!r} cannot be known by {kind}: it takes {what}")
    return identity


def _checked_groups(groups: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(groups))
    if wrong := next((group for group in found if not _GROUP.fullmatch(group)), None):
        raise InvalidInput(f"{wrong[:80]!r} cannot be the name of a group: use a-z, 0-9, '.', '_' and '-', at most 63 characters")
    if len(found) > _MOST_GROUPS:
        raise InvalidInput(f"a person is in {_MOST_GROUPS} groups at most")
    return found


def _not_there(name: str) -> PersonNotFound:
    return PersonNotFound(f"there is no person {name[:120]!r}: see `genie person list`")
