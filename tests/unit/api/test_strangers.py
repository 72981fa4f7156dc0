"""What stands for an address, and whom a server hears from one that is not heard."""

from __future__ import annotations

import pytest

from api.strangers import Strangers, network_of
from db.rates import Turn
from epics.access_errors import TooManyRequests


class FakeGuarding:
    """Has a number of turns left."""

    def __init__(self, turns: int) -> None:
        self.left = turns
        self.told: list[str] = []

    async def turn(self, bucket: str, *, per_minute: int, at_once: int) -> Turn:
        assert (bucket, per_minute) == ("stranger 192.0.2.7", at_once)
        self.left -= 1
        return Turn(allowed=self.left >= 0, remaining=max(self.left, 0), retry_after_s=20.0, full_after_s=60.0)

    async def strangers_seen(self, address: str) -> None:
        self.told.append(address)


@pytest.mark.parametrize(
    "address, network",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_one_holder_of_addresses_is_one(address, network):
    assert network_of(address) == network


async def test_an_address_is_heard_again_when_its_time_has_come():
    now = [0.0]
    strangers, guarding = Strangers(1, clock=lambda: now[0]), FakeGuarding(1)

    await strangers.note("192.0.2.7", b"a", guarding)
    with pytest.raises(TooManyRequests) as late:
        await strangers.note("192.0.2.7", b"b", guarding)

    assert late.value.retry_after_s == 20.0
    with pytest.raises(TooManyRequests):
        strangers.refuse("192.0.2.7", b"c")
    strangers.refuse("192.0.2.8", b"c")
    now[0] = 21.0
    strangers.refuse("192.0.2.7", b"c")
    assert guarding.told == ["192.0.2.7"] * 2


async def test_a_key_that_held_just_now_is_heard_from_there_until_it_fails():
    now = [0.0]
    strangers, guarding = Strangers(1, clock=lambda: now[0]), FakeGuarding(0)
    strangers.remember(b"known")
    with pytest.raises(TooManyRequests):
        await strangers.note("192.0.2.7", b"forged", guarding)

    strangers.refuse("192.0.2.7", b"known")
    with pytest.raises(TooManyRequests):
        await strangers.note("192.0.2.7", b"known", guarding)

    with pytest.raises(TooManyRequests):
        strangers.refuse("192.0.2.7", b"known")
