"""A message is signed with a secret that stands sealed, by whoever has the key for it."""

from __future__ import annotations

import pytest

from safety.master_keys import new_master_key
from safety.signatures import is_standard
from tests.fakes.receiver import Receiver
from tests.integration.durability.writing import rows, until

pytestmark = pytest.mark.postgres


async def test_a_worker_without_the_key_puts_messages_off_for_one_that_has_it(engine_at, story, small_repo, database, tmp_path):
    import asyncio

    from engine.outbox import Pace, run_outbox
    from engine.starting import StartEpic

    there, stop = Receiver(tmp_path / "requests.jsonl", None), asyncio.Event()
    pace = Pace(poll_s=0.05, first_wait_s=0.05)
    try:
        able = await engine_at(story(), secret_key=new_master_key(), webhook_allow_private=True)
        made = await able.webhooks.add(there.url, name="there")
        await able.start(StartEpic(goal="Greet", repo=str(small_repo), executor="scripted"))
        unable = await engine_at(story(), webhook_allow_private=True)
        without = asyncio.create_task(run_outbox(unable._installation, stop, pace))
        refused: list[dict[str, object]] = []
        while not refused:
            refused = await rows(database.pool, "SELECT problem FROM outbox WHERE problem IS NOT NULL")
            await asyncio.sleep(0.05)
        stop.set()
        await without
        before = list(there.requests)
        stop = asyncio.Event()
        sending = asyncio.create_task(run_outbox(able._installation, stop, pace))
        await until(lambda: there.requests, seconds=30)
        stop.set()
        await sending
    finally:
        there.close()

    assert "needs the key k-" in str(refused[0]["problem"])
    assert before == []
    sent = there.requests[0]
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    assert made.secret is not None
    assert is_standard(made.secret, headers["webhook-id"], headers["webhook-timestamp"], sent["raw"].encode(), headers["webhook-signature"])
