"""Addresses that show keys that do not hold: heard a number of times, then not for a while."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from epics.access_errors import TooManyRequests

if TYPE_CHECKING:
    from db.rates import Turn

KeyT = TypeVar("KeyT")

_MOST: Final = 10_000
_KNOWN_FOR_S: Final = 300.0
_SHARED_BITS: Final = 64
"""Of an IPv6 address: who has one has all that begin so."""


class Counting(Protocol):
    """What counts for all servers: `engine.guarding`."""

    async def turn(self, bucket: str, *, per_minute: int, at_once: int) -> Turn:
        """Take a turn of a bucket, if it has one."""
        ...

    async def strangers_seen(self, address: str) -> None:
        """Write down that an address shows keys that do not hold."""
        ...


class Strangers:
    """Counts them in the database, so that it holds for all servers, and turns away here whom that said to come later.

    A key that held a moment ago is heard from such an address too: behind one address there may be many, and one of them a nuisance.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        Args:
            per_minute: how many failures of an address are heard.
            clock: seconds that only rise.
        """
        self._per_minute = per_minute
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[bytes, float] = OrderedDict()

    def refuse(self, address: str, digest: bytes) -> None:
        """Turn away who is to come later.

        Args:
            address: where the request comes from.
            digest: of what it shows.

        Raises:
            TooManyRequests: if that is so.
        """
        now = self._clock()
        left = self._until.get(address, now) - now
        if left > 0 and self._known.get(digest, now) <= now:
            raise _later(left)

    async def note(self, address: str, digest: bytes, counting: Counting) -> None:
        """Count a failure.

        Raises:
            TooManyRequests: if it was one too many.
        """
        self._known.pop(digest, None)
        await counting.strangers_seen(address)
        turn = await counting.turn(f"stranger {address}", per_minute=self._per_minute, at_once=self._per_minute)
        if not turn.allowed:
            _keep(self._until, address, self._clock() + turn.retry_after_s)
            raise _later(turn.retry_after_s)

    def remember(self, digest: bytes) -> None:
        """Know for a while what held just now."""
        _keep(self._known, digest, self._clock() + _KNOWN_FOR_S)


def network_of(address: str) -> str:
    """What stands for an address: itself, or the network that one holder of IPv6 addresses has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if parsed.version == 4 or parsed.is_loopback:  # noqa: PLR2004  # of IP
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _SHARED_BITS), strict=False))


def _later(seconds: float) -> TooManyRequests:
    return TooManyRequests("this address showed too many keys that do not hold: ask again later", seconds)


def _keep(kept: OrderedDict[KeyT, float], key: KeyT, until: float) -> None:
    kept[key] = until
    kept.move_to_end(key)
    if len(kept) > _MOST:
        kept.popitem(last=False)
