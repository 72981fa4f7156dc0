"""Which epics a worker leaves alone: only those that come back at once, again and again, from where they were."""

from __future__ import annotations

from engine.resting import Rests


def came_back(rests: Rests, *, times: int, every_s: float, moments: bool = False) -> float:
    now = 100.0
    for n in range(times):
        now += every_s
        rests.ended("e-1", n if moments else 4, now)
    return now


def test_an_epic_that_comes_back_at_once_and_again_from_where_it_was_is_left_alone_for_a_while():
    rests = Rests()

    now = came_back(rests, times=4, every_s=0.1)

    assert rests.resting(now) == ("e-1",)
    assert rests.resting(now + 2.0) == ()


def test_an_epic_that_comes_to_a_new_moment_each_time_is_not():
    rests = Rests()

    now = came_back(rests, times=20, every_s=0.1, moments=True)

    assert rests.resting(now) == ()


def test_an_epic_that_worked_for_a_while_is_not():
    rests = Rests()

    now = came_back(rests, times=20, every_s=3.0)

    assert rests.resting(now) == ()


def test_the_times_grow_to_a_minute_and_no_further():
    rests, now, lengths = Rests(), 0.0, []
    for _ in range(14):
        rests.ended("e-1", 4, now)
        end = next(now + step / 4 for step in range(400) if not rests.resting(now + step / 4))
        lengths.append(round(end - now))
        now = end + 0.1

    assert lengths[:3] == [0, 0, 0]
    assert lengths[3:] == sorted(lengths[3:])
    assert lengths[-1] == 60


def test_what_was_at_rest_long_ago_is_forgotten_and_begins_anew():
    rests = Rests()
    now = came_back(rests, times=8, every_s=0.1)

    rests.ended("e-2", 1, now + 1_000)
    rests.ended("e-1", 4, now + 1_000.1)

    assert rests.resting(now + 1_000.2) == ()
