"""What a part that needs others is told."""

from __future__ import annotations

from engine.routing.joining import task_of
from engine.starting import MOST_GOAL


def test_what_came_before_fits_beside_what_is_asked_however_long_that_is():
    needed = [{"n": n, "text": "look " * 400, "answer": "x" * 9_000} for n in range(1, 4)]

    for size in (10, 12_000, 19_000, 19_990):
        task = task_of({"text": "y" * size}, needed)

        assert task.startswith("y" * size)
        assert len(task) <= MOST_GOAL
