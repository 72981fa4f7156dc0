"""Prices come from the table, and what is not in it costs a lot."""

from __future__ import annotations

from decimal import Decimal

from safety.budget import HIDDEN_TOKENS, Measured, bound_of, most_input_tokens
from safety.prices import UNKNOWN, Price, price_of


def test_a_call_costs_what_the_provider_charges():
    price = price_of("anthropic:claude-sonnet-4-5", input_tokens=1_500)

    cost = price.cost(input_tokens=1_500, output_tokens=50, cache_read_tokens=300, cache_write_tokens=200)

    assert cost == Decimal("0.00459")
    assert price.known


def test_a_long_call_is_charged_at_its_own_tier():
    short, long = (price_of("anthropic:claude-sonnet-4-5", input_tokens=size) for size in (200_000, 200_001))

    assert long.input == 2 * short.input
    assert long.output > short.output


def test_the_responses_api_of_openai_has_the_prices_of_openai():
    assert price_of("openai-responses:gpt-5") == price_of("openai:gpt-5")


def test_an_unknown_model_is_charged_more_than_known_ones():
    price = price_of("anthropic:nobody-heard-of-it")

    assert price == UNKNOWN
    assert not price.known
    assert price.input > price_of("anthropic:claude-opus-4-1").input


def test_a_given_price_comes_first():
    given = Price.per_million(Decimal(1), Decimal(2))

    assert price_of("anthropic:claude-sonnet-4-5", given={"claude-sonnet-4-5": given}) == given
    assert price_of("local:llama", given={"local:llama": given}) == given


def test_a_request_has_no_more_tokens_than_bytes():
    assert most_input_tokens(1_000) == 1_000 + HIDDEN_TOKENS


def test_what_was_counted_before_is_not_bounded_by_its_bytes():
    bound = most_input_tokens(100_000, Measured(tokens=20_000, request_bytes=90_000))

    assert bound == 20_000 + 10_000 + HIDDEN_TOKENS


def test_a_bound_takes_the_dearest_kind_of_input():
    bound = bound_of("anthropic:claude-sonnet-4-5", 1_000)

    assert bound.input_usd == Decimal("0.00375")
    assert bound.output_usd_per_token == Decimal("0.000015")
