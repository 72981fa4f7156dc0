"""Gateways of several attempts on the real journal: limits hold side by side, and what is spent is seen at once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from db.attempts import next_attempt_number, open_attempt
from db.journal import AttemptJournal
from db.leases import take_lease
from engine.recording import RecordingJournal
from epics.errors import LeaseLost
from tests.fakes.gateway import BRIEF, MODEL, gateway
from tests.fakes.orders import order
from tests.integration.durability.writing import ATTEMPT, HERE, LONG_S, rows, take_over

pytestmark = pytest.mark.postgres

LOOKS = {"say": "I look.", "calls": [{"tool": "Read", "arguments": {"file_path": "a.txt"}}]}
"""Changes no file, so that no work tree is needed."""


@pytest.fixture
async def journals_of(database, new_epic):
    """Journals of some attempts of one epic with a limit, and the epic's lease."""

    async def make(attempts: int, limit: str) -> tuple[list[RecordingJournal], Any]:
        lease = await take_lease(database.pool, await new_epic(budget_usd=Decimal(limit)), HERE, seconds=LONG_S)
        journals = []
        for _ in range(attempts):
            n = await next_attempt_number(database.pool, lease)
            await open_attempt(database.pool, lease, {**ATTEMPT, "n": n, "task": f"task-{n}"})
            untouched = cast("Any", SimpleNamespace())
            journals.append(RecordingJournal(AttemptJournal(database.pool, lease, n), untouched, untouched, "test", untouched))
        return journals, lease

    return make


async def test_attempts_side_by_side_never_pass_the_limit_of_their_epic(database, journals_of, tmp_path):
    journals, _ = await journals_of(3, "0.25")
    asked = order(tmp_path, models=(MODEL,), turns=50)

    async def work(journal: RecordingJournal) -> Decimal:
        async with gateway(tmp_path, journal, *[LOOKS] * 50, asked=asked) as scene:
            while scene.session.refusal is None:
                answer = await scene.caller.ask(max_tokens=1_000)
                if answer.status_code == 200:
                    scene.caller.hear(answer.json())
            assert scene.session.refusal.kind == "budget"
            return scene.server.cost_usd

    sold = sum(await asyncio.gather(*(work(journal) for journal in journals)), Decimal(0))

    (counted,) = await rows(database.pool, "SELECT sum(cost_usd) AS usd, count(*) AS n FROM calls")
    assert counted["usd"] == sold <= Decimal("0.25")
    assert counted["n"] > 3


async def test_what_a_call_cost_is_in_the_rows_before_its_tools_run(database, journals_of, tmp_path):
    (journal,), _ = await journals_of(1, "5")
    async with gateway(tmp_path, journal, LOOKS, LOOKS) as scene:
        await scene.caller.ask(stream=True)

        (call,) = await rows(database.pool, "SELECT state, cost_usd, input_tokens, output_tokens FROM calls")
        assert call == {"state": "settled", "cost_usd": scene.server.cost_usd, "input_tokens": 1_200, "output_tokens": 300}
        types = [row["type"] for row in await rows(database.pool, "SELECT type FROM events ORDER BY n")]
        assert types[-1] == "turn_taken"


async def test_a_worker_that_lost_its_lease_buys_nothing_more(database, journals_of, tmp_path):
    (journal,), lease = await journals_of(1, "5")
    async with gateway(tmp_path, journal, LOOKS, LOOKS) as scene:
        scene.caller.hear((await scene.caller.ask()).json())
        await take_over(database.pool, lease)

        await scene.caller.ask(messages=[*scene.caller.messages, {"role": "user", "content": BRIEF}])

        assert isinstance(scene.session.failed, LeaseLost)
        assert scene.server.answered() == 1
