"""A worker that keeps dying is started ever later."""

from __future__ import annotations

from cli.supervise import LIVED_WELL_S, LONGEST_WAIT_S, waits_after


def test_the_wait_doubles_up_to_a_limit():
    waits = [0.0]
    for _ in range(10):
        waits.append(waits_after(1.0, waits[-1]))

    assert waits[1:4] == [0.5, 1.0, 2.0]
    assert waits[-1] == LONGEST_WAIT_S


def test_a_worker_that_lived_well_is_started_again_at_once_or_nearly():
    assert waits_after(LIVED_WELL_S, LONGEST_WAIT_S) == 0.5
