"""Waits between tries grow, are spread out, and end."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelServerError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)

from executors.provider_trouble import judge
from executors.retries import Retries


def test_waits_double_up_to_a_cap():
    retries = Retries(first_wait_s=1, longest_wait_s=5, chance=lambda: 1.0)

    assert [retries.wait_before(n, None) for n in (2, 3, 4, 5, 9)] == [1, 2, 4, 5, 5]


def test_chance_takes_off_up_to_half():
    assert Retries(first_wait_s=1, chance=lambda: 0.0).wait_before(2, None) == 0.5


def test_a_wait_that_was_asked_for_is_never_cut_short_below_its_cap():
    retries = Retries(longest_asked_wait_s=60)

    assert retries.wait_before(2, 30) == 30
    assert retries.wait_before(2, 3_600) == 60


def http(kind, status, **more):
    return ModelHTTPError.for_category(kind, status_code=status, model_name="m", body={"error": {"message": "no\nway"}}, **more)


@pytest.mark.parametrize(
    "error, retry, charged",
    [
        (http(ModelRateLimitError, 429), True, False),
        (http(ModelServerError, 500), True, False),
        (http(ModelServerError, 502), True, True),
        (http(ModelServerError, 504), True, True),
        (http(ModelServerError, 500, in_stream=True), True, True),
        (ModelConnectionError("m", "refused", phase="connect"), True, False),
        (ModelConnectionError("m", "reset", phase="read"), True, True),
        (ModelConnectionError("m", "reset"), True, True),
        (ModelTimeoutError("m", "slow", phase="read"), True, True),
        (ModelTimeoutError("m", "slow", phase="connect"), True, False),
        (ModelAPIError("m", "who knows"), True, True),
        (UnexpectedModelBehavior("no JSON"), True, True),
        (ContentFilterError("filtered"), False, True),
    ],
)
def test_what_may_have_been_charged_keeps_its_reservation(error, retry, charged):
    trouble = judge(error, "anthropic:m", "ANTHROPIC_API_KEY")

    assert (trouble.retry, trouble.charged) == (retry, charged)
    assert "anthropic:m" in trouble.said
    assert "\n" not in trouble.said
