"""Keys: made, listed, rotated, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from db.connection import Connection, Pool
from db.keys import NewKey, grants_in, insert_key, list_keys, revoke_key, rotate_key
from db.people import changing_people, person_named
from engine.access.giving import check_may_give, enter_first_admin, tell_audit, texts_of
from engine.access.views import KeyView, NewKeyView
from engine.refusals import refusals_told
from epics.access_errors import Forbidden, KeyNotFound, PersonNotFound
from epics.callers import GENIE, current_caller
from epics.errors import Conflict, InvalidInput
from epics.granting import covers, grant_text
from epics.ids import new_id
from epics.roles import Deed, Grant
from safety.key_text import KeyText, new_key

LONGEST: Final = timedelta(days=3_650)
GRACE: Final = timedelta(hours=24)
LONGEST_GRACE: Final = timedelta(days=30)

_LONGEST_NAME: Final = 200


class Keys:
    """What can be done with keys; each deed needs an admin of all that the key is worth."""

    def __init__(self, pool: Pool) -> None:
        """Bind to the database."""
        self._pool = pool

    async def create_key(
        self, name: str, grants: Sequence[Grant], *, person: str | None = None, lasts: timedelta | None = None
    ) -> NewKeyView:
        """Make a key for a person, and show it this once.

        Args:
            name: what it is for.
            grants: what it is worth; no more than its person and its maker have.
            person: who asks with it; None for the caller.
            lasts: None for ever.

        Raises:
            InvalidInput: if the name, the time or the grants cannot be used, or they are more than the person has.
            Forbidden: if the caller has less than the key would have.
            PersonNotFound: if there is no such person.
        """
        caller = current_caller()
        if person is None and caller == GENIE:
            raise InvalidInput("say which person asks with the key")
        _check_new(name, grants, lasts)
        owner = person or caller.person
        shown, key_id = new_key(), new_id("k")
        refusals = refusals_told(self._pool, "create", kind="key", subject=owner)
        async with refusals, changing_people(self._pool) as connection:
            check_may_give(caller, grants)
            entered = await enter_first_admin(connection, caller)
            await _check_worth(connection, owner, grants)
            new = NewKey(
                id=key_id,
                prefix=shown.prefix,
                hash=shown.hash,
                person=owner,
                name=name.strip(),
                grants=tuple(grants),
                by=caller.person,
                lasts=lasts,
            )
            await insert_key(connection, new)
            data = {"person": owner, "grants": texts_of(grants), "seconds": None if lasts is None else lasts.total_seconds()}
            await tell_audit(connection, "create", kind="key", subject=key_id, entered=entered, data=data)
        return await self._shown(key_id, shown)

    async def list_keys(self, person: str | None = None) -> tuple[KeyView, ...]:
        """All keys, or those of one person, oldest first."""
        current_caller().check(Deed.ADMINISTER)
        return tuple(KeyView.model_validate(row) for row in await list_keys(self._pool, person))

    async def key(self, given: str) -> KeyView:
        """One key by its id or its prefix.

        Raises:
            KeyNotFound: if there is none.
            Forbidden: if the caller does not administer what it is worth.
        """
        rows = [row for row in await list_keys(self._pool) if given in {row["id"], row["prefix"], f"gk_{row['prefix']}"}]
        if not rows:
            # Not what was given: it may be a whole key, by mistake.
            raise KeyNotFound("there is no key with that id or prefix: see `genie key list`")
        check_may_give(current_caller(), grants_in(rows[0]["grants"]))
        return KeyView.model_validate(rows[0])

    async def rotate_key(self, given: str, *, grace: timedelta = GRACE) -> NewKeyView:
        """Give a key another secret, shown this once; the one before holds for the grace.

        Raises:
            KeyNotFound: if there is none.
            Conflict: if it was revoked or has expired.
            InvalidInput: if the grace is too long.
            Forbidden: as for `key`.
        """
        if not timedelta() <= grace <= LONGEST_GRACE:
            raise InvalidInput(f"the secret so far can hold for 0s to {LONGEST_GRACE.days}d more")
        async with refusals_told(self._pool, "rotate", kind="key", subject=given):
            found = await self.key(given)
        shown = new_key(found.prefix)
        async with changing_people(self._pool) as connection:
            if not await rotate_key(connection, found.id, shown.hash, grace):
                raise Conflict(f"key {found.id} does not hold any more: make a new one with `genie key create`")
            data = {"person": found.person, "grace_seconds": grace.total_seconds()}
            await tell_audit(connection, "rotate", kind="key", subject=found.id, data=data)
        return await self._shown(found.id, shown)

    async def revoke_key(self, given: str) -> KeyView:
        """End a key at once, in all processes; one that was ended before stays so.

        Raises:
            KeyNotFound: if there is none.
            Forbidden: as for `key`.
        """
        async with refusals_told(self._pool, "revoke", kind="key", subject=given):
            found = await self.key(given)
        async with changing_people(self._pool) as connection:
            if await revoke_key(connection, found.id, current_caller().person):
                await tell_audit(connection, "revoke", kind="key", subject=found.id, data={"person": found.person})
        return await self.key(found.id)

    async def _shown(self, key_id: str, shown: KeyText) -> NewKeyView:
        row = next(row for row in await list_keys(self._pool) if row["id"] == key_id)
        return NewKeyView.model_validate({**row, "key": shown.text})


def _check_new(name: str, grants: Sequence[Grant], lasts: timedelta | None) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"the name of a key has from 1 to {_LONGEST_NAME} printable characters: say what it is for")
    if not grants:
        raise InvalidInput("a key needs a role: say which, and on which repositories")
    if lasts is not None and not timedelta() < lasts <= LONGEST:
        raise InvalidInput(f"a key holds for more than nothing and at most {LONGEST.days} days, or for ever where no time is given")


async def _check_worth(connection: Connection, owner: str, grants: Sequence[Grant]) -> None:
    row = await person_named(connection, owner)
    if row is None:
        raise PersonNotFound(f"there is no person {owner[:120]!r}: see `genie person list`, or add them with `genie person add`")
    held = grants_in(row["grants"])
    if more := [grant for grant in grants if not covers(held, grant)]:
        has = ", ".join(map(grant_text, held)) or "nothing"
        raise Forbidden(f"the key would be worth more than {owner}: {grant_text(more[0])} is not within {has}")
