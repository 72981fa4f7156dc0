"""What guards the doors of a server: roles held against what is asked, turns of requests counted, refusals written down."""

from __future__ import annotations

from db.audit import audit_refusal
from db.connection import Pool
from db.rates import Turn, take_turn
from engine.access.permitting import permit
from engine.access.role_table import Needed, Of
from epics.access_errors import Forbidden
from epics.callers import Caller, acting_as


class Guarding:
    """What a face asks before it lets somebody do something."""

    def __init__(self, pool: Pool) -> None:
        """Bind to the database."""
        self._pool = pool

    async def permit(self, needed: Needed, named: str | None) -> None:
        """See that the caller may do what it asks for, and write down where it may not; see `permit`."""
        try:
            await permit(self._pool, needed, named)
        except Forbidden as error:
            repo = (named or "") if needed.of is Of.REPO else ""
            await audit_refusal(self._pool, needed.deed, kind=needed.of, subject=named or "", repo=repo, answer=error.code)
            raise

    async def turn(self, bucket: str, *, per_minute: int, at_once: int) -> Turn:
        """Take a turn of a bucket that all servers count together; see `take_turn`."""
        return await take_turn(self._pool, bucket, per_minute=per_minute, at_once=at_once)

    async def strangers_seen(self, address: str) -> None:
        """Write down that an address shows keys that do not hold, at most once a minute for all servers together."""
        if (await take_turn(self._pool, f"told {address}", per_minute=1, at_once=1)).allowed:
            with acting_as(Caller(person="nobody", channel="http", address=address)):
                await audit_refusal(self._pool, "authenticate", kind="address", subject=address, answer="unauthenticated")
