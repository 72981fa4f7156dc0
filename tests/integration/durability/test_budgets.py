"""Limits hold when calls are made side by side: what a call may cost is reserved under the limits' locks before it is made (rule 17)."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from db.attempts import next_attempt_number, open_attempt
from db.fence import fenced
from db.journal import AttemptJournal, Grant, Refusal
from db.leases import take_lease
from db.queries import QUERIES
from tests.integration.durability.writing import ATTEMPT, HERE, LONG_S, TOKENS, TURN, rows, until_waiting

pytestmark = pytest.mark.postgres

CALL = {"model": "m", "input_usd": Decimal("0.25"), "output_usd": Decimal("0.001"), "wish": 1000, "floor": 100}
"""At most $1.25, and at least $0.35."""
NEEDED = Decimal("0.35")


@pytest.fixture
async def journals(database, new_epic):
    """Makes the journals of some attempts of one new epic, with these limits."""
    made = 0

    async def make(attempts: int = 1, *, epic_usd=None, attempt_usd=None, project_usd=None) -> list[AttemptJournal]:
        nonlocal made
        made += 1
        lease = await take_lease(database.pool, await new_epic(budget_usd=epic_usd), HERE, seconds=LONG_S)
        if project_usd is not None:
            async with database.pool.connection() as connection:
                await connection.execute("UPDATE projects SET budget_usd = %s", [project_usd])
        numbers = [await next_attempt_number(database.pool, lease) for _ in range(attempts)]
        for n in numbers:
            await open_attempt(database.pool, lease, {**ATTEMPT, "n": n, "task": f"task-{n}", "limit_usd": attempt_usd})
        return [AttemptJournal(database.pool, lease, n) for n in numbers]

    return make


async def _counted(database) -> Decimal:
    return (await rows(database.pool, "SELECT sum(cost_usd) AS usd FROM calls"))[0]["usd"]


@pytest.mark.parametrize("scope", ["attempt", "epic", "project"])
async def test_calls_side_by_side_cannot_spend_more_than_a_limit(database, journals, scope):
    limit = {f"{scope}_usd": Decimal(10)}
    if scope == "project":
        several = [*(await journals(2, **limit)), *(await journals(2))]
    else:
        several = await journals(1 if scope == "attempt" else 4, **limit)

    given = await asyncio.gather(*(several[place % len(several)].reserve(**CALL) for place in range(20)))

    assert Counter(type(each) for each in given) == {Grant: 8, Refusal: 12}
    assert {(each.scope, each.limit_usd, each.spent_usd) for each in given if isinstance(each, Refusal)} == {
        (scope, Decimal(10), Decimal(10))
    }
    assert await _counted(database) == Decimal(10)


async def test_a_reservation_waits_for_one_that_is_not_committed(database, journals):
    first, second = await journals(2, epic_usd=Decimal("1.5"))
    async with fenced(database.pool, first._lease) as connection:
        await connection.execute(QUERIES["reserve_call"], {**first._key, **CALL})
        later = asyncio.create_task(second.reserve(**CALL))

        await until_waiting(database.pool, 1)

        assert not later.done()
    assert await later == Refusal(scope="epic", limit_usd=Decimal("1.5"), spent_usd=Decimal("1.25"), needed_usd=NEEDED)


@pytest.mark.parametrize("limit, tokens", [("1.25", 1000), ("1.2499", 999), ("0.35", 100), ("0.3499", None)])
async def test_a_call_gets_the_tokens_that_fit_down_to_its_floor(database, journals, limit, tokens):
    (journal,) = await journals(epic_usd=Decimal(limit))

    given = await journal.reserve(**CALL)

    assert (given.max_tokens if isinstance(given, Grant) else None) == tokens
    kept = await rows(database.pool, "SELECT reserved_usd, cost_usd, state FROM calls")
    price = CALL["input_usd"] + CALL["output_usd"] * (tokens or 0)
    assert kept == ([{"reserved_usd": price, "cost_usd": price, "state": "reserved"}] if tokens else [])


async def test_the_tightest_of_three_limits_counts(journals):
    (journal,) = await journals(attempt_usd=Decimal(1), epic_usd=Decimal("0.5"), project_usd=Decimal("0.75"))

    assert await journal.reserve(**CALL) == Grant(call_id=1, max_tokens=250)
    assert await journal.reserve(**CALL) == Refusal(scope="epic", limit_usd=Decimal("0.5"), spent_usd=Decimal("0.5"), needed_usd=NEEDED)


async def test_an_unknown_call_keeps_its_reservation_and_a_known_one_counts_what_it_cost(database, journals):
    (journal,) = await journals(epic_usd=Decimal(3))
    unknown, paid, refused = [await journal.reserve(**{**CALL, "wish": 750}) for _ in range(3)]

    await journal.answered(TURN, call_id=paid.call_id, tokens=TOKENS, cost_usd=Decimal("0.125"))
    await journal.release(refused.call_id, reason="not connected")

    counts = {row["id"]: (row["state"], row["cost_usd"]) for row in await rows(database.pool, "SELECT id, state, cost_usd FROM calls")}
    assert counts == {unknown.call_id: ("reserved", 1), paid.call_id: ("settled", Decimal("0.125")), refused.call_id: ("released", 0)}
    assert await journal.reserve(**CALL) == Grant(call_id=4, max_tokens=1000)


async def test_a_call_is_settled_once(database, journals):
    (journal,) = await journals(epic_usd=Decimal(3))
    call = await journal.reserve(**CALL)
    await journal.release(call.call_id, reason="not connected")

    await journal.answered(TURN, call_id=call.call_id, tokens=TOKENS, cost_usd=Decimal(1))
    await journal.release(call.call_id, reason="again")

    assert await rows(database.pool, "SELECT state, cost_usd, note FROM calls") == [
        {"state": "released", "cost_usd": 0, "note": "not connected"}
    ]
