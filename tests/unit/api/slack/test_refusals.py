"""Refusals in words: a sentence for every error that there is, and none that calls somebody."""

from __future__ import annotations

import pytest

from api.slack.refusals import is_misuse, told
from epics.access_errors import Forbidden, NotEligible, Unauthenticated
from epics.errors import AlreadyDecided, AlreadyVoted, EpicNotFound, GenieError, InvalidInput, StoreUnavailable, Superseded


@pytest.mark.parametrize(
    "error, text, audited",
    [
        (
            AlreadyDecided("a-1", "approve", "ann", "2026-01-01T00:00:00"),
            "ann decided this already (approve, at 2026-01-01T00:00:00)",
            True,
        ),
        (AlreadyVoted("you said it"), "You have approved this already", True),
        (Superseded("it changed"), "out of date", True),
        (EpicNotFound("secret of others"), "There is no such epic here", True),
        (Forbidden("vera is viewer"), "vera is viewer", True),
        (NotEligible("anna may"), "You may not decide this: anna may", True),
        (Unauthenticated("who are you?"), "who are you?", True),
        (InvalidInput("type it so"), "type it so", False),
        (StoreUnavailable("the database is away"), "try again in a minute", False),
        (GenieError("some other thing"), "That was refused: some other thing", True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_refusal_says_what_is_so_and_slips_are_not_audited(error, text, audited):
    assert text in told(error)
    assert is_misuse(error) is audited


def test_a_refusal_quotes_nothing_that_calls_somebody():
    assert "<" not in told(InvalidInput("there is no <!channel> & <@U1>"))


def test_what_is_not_there_for_somebody_is_not_named():
    assert "secret of others" not in told(EpicNotFound("secret of others"))
