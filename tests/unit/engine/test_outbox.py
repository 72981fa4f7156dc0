"""How long a message waits for its next try."""

from __future__ import annotations

import pytest

from engine.outbox import Pace, wait_after
from engine.posting import Answer


def refused(retry_after_s: float | None = None) -> Answer:
    return Answer(status=503, problem="answered 503", body="", seconds=0.1, retry_after_s=retry_after_s)


@pytest.mark.parametrize("tries, about", [(1, 5), (2, 10), (3, 20), (8, 640), (9, 1280), (10, 1800), (50, 1800), (100_000, 1800)])
def test_the_wait_doubles_up_to_half_an_hour(tries, about):
    waits = [wait_after(tries, 5.0, refused()) for _ in range(200)]

    assert all(0.8 * about <= wait <= 1.2 * about for wait in waits)
    assert len(set(waits)) > 100


def test_a_receiver_is_not_asked_before_it_wants_to_be_but_for_ever_it_cannot_wait():
    assert wait_after(1, 5.0, refused(120.0)) == 120.0
    assert wait_after(1, 5.0, refused(1_000_000.0)) == 1800.0
    assert wait_after(9, 5.0, refused(1.0)) > 1000


def test_a_claim_outlasts_a_post():
    assert Pace().claim_s > 2 * Pace().timeout_s
