"""What an answer costs, and what is set aside for it."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest

from epics.errors import BudgetSpent
from executors.gateway.buying import Buyer
from executors.gateway.conversation import usage_of
from executors.gateway.requests import Request, asked_in
from executors.gateway.upstream import Upstream
from executors.ledger import Ledger
from executors.provider_keys import ProviderKeys
from executors.terms import Terms
from executors.throttle import Unthrottled
from safety.prices import Price
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order

MODEL = "anthropic:claude-sonnet-4-5"
PRICE = Price.per_million(Decimal(3), Decimal(15), cache_read=Decimal("0.3"), cache_write=Decimal("3.75"))
USAGE = {"input_tokens": 1_000, "cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 2_000, "output_tokens": 500}


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(limit_usd=Decimal(0))


@pytest.fixture
def buyer(tmp_path, journal) -> Buyer:
    asked = order(tmp_path, models=(MODEL,))
    terms = Terms(prices={MODEL: PRICE})
    return Buyer(asked, journal, Ledger(), Upstream(ProviderKeys()), terms, Unthrottled())


def asked_with(system):
    body = {"model": "claude-sonnet-4-5", "max_tokens": 1_000, "system": system, "messages": [{"role": "user", "content": "x"}]}
    return asked_in(Request(body=json.dumps(body).encode(), headers={}, query=""))


def test_each_kind_of_token_has_its_price(buyer):
    cost = buyer.cost(MODEL, "", usage_of({"usage": USAGE}), 0)

    assert cost == (1_000 * Decimal(3) + 10_000 * Decimal("0.3") + 2_000 * Decimal("3.75") + 500 * Decimal(15)) / 1_000_000


def test_what_is_cached_for_an_hour_costs_twice_the_input(buyer):
    cost = buyer.cost(MODEL, "", usage_of({"usage": USAGE}), 2_000)

    assert cost == (1_000 * Decimal(3) + 10_000 * Decimal("0.3") + 2_000 * Decimal(6) + 500 * Decimal(15)) / 1_000_000


@pytest.mark.parametrize("ttl, dearest", [("5m", Decimal("3.75")), ("1h", Decimal(6))])
async def test_the_dearest_that_the_input_can_cost_is_set_aside(buyer, journal, ttl, dearest):
    asked = asked_with([{"type": "text", "text": "y", "cache_control": {"type": "ephemeral", "ttl": ttl}}])
    wanted = []
    reserve = journal.reserve

    async def remember(ask):
        wanted.append(ask)
        return await reserve(ask)

    journal.reserve = remember
    async with AsyncExitStack() as until:
        with pytest.raises(BudgetSpent):
            await buyer.buy(asked, 0, until, lambda: None)

    assert wanted[0].input_usd >= len(asked.request.body) * dearest / 1_000_000
    assert wanted[0].input_usd <= (len(asked.request.body) + 2_000) * dearest / 1_000_000
