"""Forks: a new epic from any moment, with its files and journal; the source is not touched."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from epics.errors import InvalidInput, MomentNotFound

SOURCE_ROWS = (
    "SELECT (SELECT jsonb_agg(to_jsonb(e)) FROM epics e WHERE id = %(id)s) || (SELECT jsonb_agg(to_jsonb(m) ORDER BY n) FROM moments m"
    " WHERE epic_id = %(id)s) || (SELECT jsonb_agg(to_jsonb(a) ORDER BY n) FROM attempts a WHERE epic_id = %(id)s)"
    " || (SELECT jsonb_agg(to_jsonb(v) ORDER BY n) FROM events v WHERE epic_id = %(id)s)"
    " || (SELECT jsonb_agg(to_jsonb(c) ORDER BY checkpoint_id) FROM checkpoints c WHERE thread_id = %(id)s) AS rows"
)


async def rows_of(epic):
    async with epic.engine._pool.connection() as connection:
        return (await (await connection.execute(SOURCE_ROWS.encode(), {"id": epic.id})).fetchone())["rows"]


async def test_a_fork_of_every_moment_of_a_merged_epic_goes_to_the_merge(travel, story):
    source = await travel(story())
    assert (await source.go("approve", "approve")).status == "merged"
    moments = await source.engine.moments(source.id)
    before, refs = await rows_of(source), source.refs()

    for moment in moments:
        fork = await source.fork(moment.n)
        shown = await fork.engine.epic(fork.id)
        assert (shown.status, shown.forked_from, shown.forked_at, shown.cost_usd) == ("paused", source.id, moment.n, 0)
        own = await fork.engine.moments(fork.id)
        assert [each.n for each in own[:-1]] == [each.n for each in moments[: moment.n]]
        assert (own[-1].n, own[-1].outcome, own[-1].commit) == (moment.n + 1, "forked", moment.commit)
        view = await fork.resume()
        while view.status == "waiting":
            await fork.began.decide("approve")
            view = await fork.go()
        assert (moment.n, view.status) == (moment.n, "merged")

    assert await rows_of(source) == before
    assert {name: commit for name, commit in source.refs().items() if name in refs} == refs


async def test_a_fork_from_the_beginning_is_an_epic_of_its_own(travel, story):
    source = await travel(story())
    await source.go()

    fork = await source.fork(0, budget_usd=Decimal(5), guidance="In French.", labels={"try": "2"})

    view = await fork.engine.epic(fork.id)
    assert (view.step, view.budget_usd, view.labels) == ("planning", Decimal(5), {"try": "2"})
    assert (await fork.resume("approve", "approve")).status == "merged"
    briefs = await fork.began.rows("SELECT text FROM briefs WHERE epic_id = %s")
    assert all("In French." in row["text"] for row in briefs)


async def test_a_fork_goes_back_within_what_it_took_over(travel, story):
    source = await travel(story())
    await source.go("approve")
    fork = await source.fork((await source.engine.epic(source.id)).moment)

    view = (await fork.back(to=(await fork.moment_after("architect")).n)).epic

    assert view.step == "plan_gate"
    assert (await fork.resume("approve", "approve")).status == "merged"


async def test_forks_of_forks_and_forks_after_a_rollback_have_the_line_that_led_there(travel, story):
    source = await travel(story())
    await source.go("approve")
    await source.back(to=(await source.moment_after("implement")).n)
    here = (await source.engine.epic(source.id)).moment

    fork = await source.fork(here)
    second = await fork.fork((await fork.engine.epic(fork.id)).moment)

    line = [moment.n for moment in await second.engine.moments(second.id)]
    implemented = (await source.moment_after("implement")).n
    assert line == [*range(1, implemented + 1), here, here + 1, here + 2]
    assert (await second.resume("approve")).status == "merged"


async def test_what_cannot_be_forked_is_said_and_nothing_is_made(travel, story):
    source = await travel(story())
    await source.go()
    count = len((await source.engine.epics()).items)

    with pytest.raises(MomentNotFound):
        await source.fork(44)
    with pytest.raises(InvalidInput, match="no executor 'nobody'"):
        await source.fork(1, executor="nobody")
    with pytest.raises(InvalidInput, match="above 0"):
        await source.fork(1, budget_usd=Decimal(0))

    assert len((await source.engine.epics()).items) == count


async def test_a_fork_takes_its_packs_while_none_are_collected(travel, story):
    source = await travel(story())
    await source.go("approve")

    async with source.engine._pool.connection() as connection, connection.transaction():
        # As collect_packs() does.
        await connection.execute("SELECT pg_advisory_xact_lock(7305814620418)")
        forking = asyncio.create_task(source.fork(4))
        done, _ = await asyncio.wait({forking}, timeout=3)
        assert not done
    fork = await forking

    assert (await fork.engine.epic(fork.id)).status == "paused"
