"""Which executors a worker takes epics for."""

from __future__ import annotations

from typing import Any

from engine.able import Able
from epics.errors import Environment


class Anywhere:
    """An executor that needs nothing."""

    name = "anywhere"


class Somewhere:
    """An executor that needs a program."""

    name = "somewhere"

    def __init__(self) -> None:
        self.there = False
        self.looks = 0

    def check_host(self) -> None:
        self.looks += 1
        if not self.there:
            raise Environment("the program is not installed")


async def test_what_this_host_lacks_is_left_to_others():
    executors: Any = {"anywhere": Anywhere(), "somewhere": Somewhere()}

    assert await Able(executors).names() == ("anywhere",)


async def test_what_is_there_is_taken():
    executor: Any = Somewhere()
    executor.there = True

    assert await Able({"somewhere": executor}).names() == ("somewhere",)


async def test_a_look_costs_something_and_is_not_taken_at_each_sweep():
    executor: Any = Somewhere()
    able = Able({"somewhere": executor})

    for _ in range(3):
        await able.names()

    assert executor.looks == 1
