"""What is announced: every epic, after its commit, and many commits at once."""

from __future__ import annotations

import asyncio

from db.announcing import PAUSE_S, Announcer
from epics.errors import StoreUnavailable


class Wire:
    """Remembers what was sent; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[list[str]] = []
        self._failures = failures

    async def send(self, epics: list[str]) -> None:
        await asyncio.sleep(0)
        if self._failures:
            self._failures -= 1
            message = "away"
            raise StoreUnavailable(message)
        self.sent.append(epics)


async def test_many_commits_of_a_moment_are_told_of_together_and_none_is_left_out():
    wire = Wire()
    announcer = Announcer(wire.send)

    for n in range(100):
        announcer.announce(f"e-{n % 3}")
        await asyncio.sleep(0)
    await announcer.close()

    assert len(wire.sent) <= 3
    assert {epic for epics in wire.sent for epic in epics} == {"e-0", "e-1", "e-2"}


async def test_what_comes_while_one_is_sent_is_told_of_too():
    wire = Wire()
    announcer = Announcer(wire.send)

    announcer.announce("e-1")
    await asyncio.sleep(0)
    announcer.announce("e-1")
    await announcer.close()

    assert wire.sent == [["e-1"], ["e-1"]]


async def test_a_database_that_is_away_stops_no_later_announcement():
    wire = Wire(failures=1)
    announcer = Announcer(wire.send)

    announcer.announce("e-1")
    await asyncio.sleep(PAUSE_S / 10)
    announcer.announce("e-2")
    await announcer.close()

    assert wire.sent == [["e-2"]]


async def test_what_is_announced_last_is_told_before_the_end():
    wire = Wire()
    announcer = Announcer(wire.send)

    announcer.announce("e-1")
    await announcer.close()

    assert wire.sent == [["e-1"]]
