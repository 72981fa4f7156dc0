"""Finding out who asks: by a key, by a token, by a name in a channel. Every refusal reads the same and does the same work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from db.connection import Pool
from db.keys import asked_key, grants_in, note_use
from db.people import person_identified
from engine.access.trusted import Trusted
from epics.access_errors import Unauthenticated
from epics.callers import Caller
from epics.granting import capped
from safety.key_text import NOBODYS_HASH, KeyText, key_in, new_key

if TYPE_CHECKING:
    from engine.access.tokens import Tokens

REFUSAL: Final = "this needs a key or a token that holds, sent as `Authorization: Bearer …`"
"""What all are told who are not let in."""

DOTS_OF_TOKEN: Final = 2


class Authenticating:
    """Turns what somebody shows into who that is."""

    def __init__(self, pool: Pool, trusted: Trusted) -> None:
        """Bind to the database and to what is trusted."""
        self._pool = pool
        self._trusted = trusted
        self._tokens: Tokens | None = None
        # In the place of a key that cannot be one: nobody has it, and looking for it takes as long.
        self._nobodys = new_key()

    @property
    def tokens(self) -> Tokens:
        """Tokens, Genie's own and an identity provider's."""
        if self._tokens is None:
            from engine.access.tokens import Tokens  # noqa: PLC0415  # what signs and checks them takes a while to import

            self._tokens = Tokens(self._pool, self._trusted)
        return self._tokens

    async def authenticate(self, bearer: str, *, channel: str = "http", address: str = "") -> Caller:
        """Who shows a key or a token.

        Raises:
            Unauthenticated: if it is none, or holds no more; the same for every reason, which only the log is told.
        """
        if bearer.count(".") == DOTS_OF_TOKEN:
            found = await self.tokens.caller(bearer, channel=channel, address=address)
        else:
            found = await self._by_key(key_in(bearer) or self._nobodys, channel=channel, address=address)
        if isinstance(found, str):
            structlog.get_logger().info("somebody was not let in", why=found, channel=channel, address=address)
            raise Unauthenticated(REFUSAL)
        return found

    async def caller_of(self, kind: str, name: str, *, channel: str, address: str = "") -> Caller | None:
        """The person whom a channel knows by a name, or None.

        Args:
            kind: os, slack or jwt.
            name: a user of the system, `T…/U…`, or issuer and subject with a space between them.
            channel: what the deed came by.
            address: where it came from.
        """
        row = await person_identified(self._pool, kind, name)
        if row is None:
            return None
        return Caller(
            person=row["name"],
            channel=channel,
            via=f"{kind}:{name}",
            address=address,
            grants=grants_in(row["grants"]),
            groups=tuple(row["groups"]),
        )

    async def _by_key(self, shown: KeyText, *, channel: str, address: str) -> Caller | str:
        row = await asked_key(self._pool, shown.prefix)
        # Both are compared, whatever the first says, and with nobody's hash where there is none.
        is_new = shown.has_hash(NOBODYS_HASH if row is None else bytes(row["hash"]))
        is_old = shown.has_hash(NOBODYS_HASH if row is None or row["old_hash"] is None else bytes(row["old_hash"]))
        if row is None:
            return "there is no such key"
        told = f"key {row['id']}"
        if not is_new and not (is_old and row["old_holds"]):
            return f"{told} was rotated" if is_old else f"the secret of {told} is wrong"
        if row["revoked"] or row["expired"]:
            return f"{told} {'was revoked' if row['revoked'] else 'has expired'}"
        if row["person_grants"] is None:
            return f"{told} is that of {row['person']}, who was removed"
        if row["use_is_old"]:
            await note_use(self._pool, row["id"])
        return Caller(
            person=row["person"],
            channel=channel,
            via=row["id"],
            address=address,
            grants=capped(grants_in(row["grants"]), grants_in(row["person_grants"])),
            groups=tuple(row["groups"]),
        )
