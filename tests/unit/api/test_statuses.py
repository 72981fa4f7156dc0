"""Errors meet HTTP in one table."""

from __future__ import annotations

import pytest

from api.errors import status_of
from api.routes.events import encode
from epics.errors import AlreadyDecided, BudgetSpent, EpicHeld, EpicNotFound, GitFailed, HistoryPruned, RepositoryUnusable, StoreUnavailable


@pytest.mark.parametrize(
    "error, status",
    [
        (RepositoryUnusable("x"), 400),
        (EpicNotFound("x"), 404),
        (HistoryPruned("x"), 410),
        (AlreadyDecided("a-1", "approve", "ann", "today"), 409),
        (EpicHeld("e-1", "w", 1.0), 409),
        (BudgetSpent("x"), 409),
        (GitFailed("x"), 502),
        (StoreUnavailable("x"), 503),
        (ValueError("x"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_nearest_class_decides(error, status):
    assert status_of(error) == status


def test_a_quiet_stream_is_kept_alive_by_a_comment():
    assert encode(None) == b": quiet\n\n"
