"""Tokens of Genie's own: signed for people and for the caller, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from db.keys import grants_in
from db.people import changing_people, person_named, revoke_token
from engine.access.authenticating import DOTS_OF_TOKEN, Authenticating
from engine.access.giving import check_may_give, enter_first_admin, tell_audit, texts_of
from engine.access.views import NewToken
from engine.refusals import refusals_told
from epics.access_errors import Forbidden, KeyNotFound, PersonNotFound
from epics.callers import GENIE, Caller, current_caller
from epics.errors import InvalidInput
from epics.granting import covers
from epics.ids import is_id
from epics.roles import Deed, Grant
from safety.key_text import MARK

_LONGEST_NUMBER: Final = 500


class Issuing(Authenticating):
    """What can be done with tokens."""

    async def sign_token(self, lasts: timedelta, *, grants: Sequence[Grant] | None = None, person: str | None = None) -> NewToken:
        """A token for the caller, or for another person if the caller is an admin; it is shown this once, and kept nowhere.

        Args:
            lasts: a day at most.
            grants: what it is worth at most; None for all that the caller, or the person, has today.
            person: None for the caller.

        Raises:
            InvalidInput: if it is to last too long, or there is no secret to sign with.
            Forbidden: if it would be worth more than who asks for it, or is asked for by a token: one could be renewed for ever.
            PersonNotFound: if there is no such person.
        """
        caller = current_caller()
        if person is None and caller == GENIE:
            raise InvalidInput("say which person asks with the token")
        owner = person or caller.person
        refusals = refusals_told(self._pool, "sign", kind="token", subject=owner)
        async with refusals, changing_people(self._pool) as connection:
            if caller.via.startswith(("t-", "jwt:")):
                raise Forbidden("a token signs no other: show a key, or work on the database itself")
            entered = await enter_first_admin(connection, caller)
            row = await person_named(connection, owner)
            if row is None:
                raise PersonNotFound(f"there is no person {owner[:120]!r}: see `genie person list`")
            held = grants_in(row["grants"])
            own = owner == caller.person
            worth = tuple(grants if grants is not None else caller.grants if own else held)
            _check_worth(caller, worth, held, own=own)
            key = caller.via if own and is_id(caller.via, "k") else ""
            signed = await self.tokens.sign(owner, worth, lasts, key=key)
            data = {"person": owner, "grants": texts_of(worth), "seconds": lasts.total_seconds()}
            await tell_audit(connection, "sign", kind="token", subject=signed.id, entered=entered, data=data)
        return signed

    async def revoke_token(self, jti: str) -> None:
        """Take a token back by its number, Genie's own (`t-…`) or a provider's `jti`, at once and in all processes.

        Raises:
            KeyNotFound: if that can be the number of no token.
            Forbidden: if the caller is no admin.
        """
        # First of all: what is no number may be a whole token or key, by mistake, and goes nowhere.
        if not _is_number(jti):
            raise KeyNotFound("that is not the number of a token: its `jti` is, such as t-0123456789")
        async with refusals_told(self._pool, "revoke", kind="token", subject=jti):
            current_caller().check(Deed.ADMINISTER)
        async with changing_people(self._pool) as connection:
            if await revoke_token(connection, jti, current_caller().person):
                await tell_audit(connection, "revoke", kind="token", subject=jti)


def _is_number(jti: str) -> bool:
    return 0 < len(jti) <= _LONGEST_NUMBER and jti.isprintable() and not jti.startswith(MARK) and jti.count(".") != DOTS_OF_TOKEN


def _check_worth(caller: Caller, worth: Sequence[Grant], held: Sequence[Grant], *, own: bool) -> None:
    if not own:
        check_may_give(caller, worth)
    bounds = caller.grants if own else held
    if not worth or not all(covers(bounds, grant) for grant in worth):
        raise Forbidden(
            "the token would be worth more than who asks with it, or nothing: give a role that is held, on repositories where it is"
        )
