"""Packs in the database: kept before what names them, shared by epics, collected when nobody holds or needs them."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from db.connection import open_pool
from db.leases import take_lease
from db.packs import Pack, collect_packs, held_packs, keep_packs, let_go_of_unnamed, pack_data, packs_behind
from db.saver import FencedSaver
from engine.checkpoints import project_values
from epics.errors import LeaseLost
from epics.steps import Step
from tests.fakes.tcp_proxy import TcpProxy
from tests.integration.durability.writing import COMMIT, HERE, LONG_S, contents, put, rows, state_after, take_over

BASE, FIRST, SECOND = COMMIT, "1" * 40, "2" * 40


@pytest.fixture
def pool(database):
    return database.pool


@pytest.fixture
async def other(pool, new_epic):
    return await take_lease(pool, await new_epic(), HERE, seconds=LONG_S)


CHAIN = (Pack(commit=BASE), Pack(commit=FIRST, data=b"first", needs=(BASE,)), Pack(commit=SECOND, data=b"second", needs=(FIRST,)))


async def _stored(pool):
    return {row["commit"][0]: row["data"] for row in await rows(pool, "SELECT commit, data FROM packs ORDER BY commit")}


async def _delete(pool, epic):
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM epics WHERE id = %s", [epic])


async def test_what_a_commit_needs_is_found_with_it(pool, lease):
    await keep_packs(pool, lease, CHAIN)

    behind = await packs_behind(pool, lease.thread_id, [SECOND])

    assert {commit: (pack.has_data, pack.needs) for commit, pack in behind.items()} == {
        BASE: (False, ()),
        FIRST: (True, (BASE,)),
        SECOND: (True, (FIRST,)),
    }
    assert await pack_data(pool, lease.thread_id, SECOND) == b"second"
    assert [pack.commit for pack in await held_packs(pool, lease.thread_id)] == [BASE, FIRST, SECOND]


async def test_a_commit_is_stored_once_however_many_epics_hold_it(pool, lease, other):
    await asyncio.gather(*(keep_packs(pool, holder, CHAIN) for holder in (lease, other, lease, other)))

    assert await _stored(pool) == {"1": b"first", "2": b"second", "c": None}
    assert await collect_packs(pool) is not None
    assert len(await held_packs(pool, lease.thread_id)) == len(await held_packs(pool, other.thread_id)) == 3


async def test_repositories_have_packs_of_their_own(pool, lease, new_epic):
    elsewhere = await take_lease(pool, await new_epic(repo="/another"), HERE, seconds=LONG_S)
    await keep_packs(pool, lease, (Pack(commit=BASE, data=b"left its branch"),))

    await keep_packs(pool, elsewhere, (Pack(commit=BASE),))

    assert await pack_data(pool, elsewhere.thread_id, BASE) is None


async def test_only_what_no_epic_holds_and_no_pack_needs_is_collected(pool, lease, other):
    await keep_packs(pool, lease, CHAIN)
    await keep_packs(pool, other, (Pack(commit=BASE), Pack(commit=FIRST, data=b"first", needs=(BASE,))))

    assert (await collect_packs(pool)).packs == 0
    await _delete(pool, lease.thread_id)
    collected = await collect_packs(pool)

    assert (collected.packs, collected.bytes) == (1, len(b"second"))
    assert await _stored(pool) == {"1": b"first", "c": None}
    await _delete(pool, other.thread_id)
    assert (await collect_packs(pool)).packs == 2


async def test_more_packs_than_fit_a_round_are_all_collected(pool, lease):
    chain = [Pack(commit=BASE), *(Pack(commit=f"{n:040x}", data=b"x", needs=(f"{n - 1:040x}" if n > 1 else BASE,)) for n in range(1, 8))]
    await keep_packs(pool, lease, tuple(chain))
    await _delete(pool, lease.thread_id)

    assert (await collect_packs(pool, most=2)).packs == 8


async def test_what_another_epics_pack_is_thin_against_stays(pool, lease, other):
    await keep_packs(pool, lease, CHAIN)
    # The other epic forked off the second commit, and holds it alone.
    await keep_packs(pool, other, (Pack(commit=SECOND, data=b"packed again", needs=()),))
    await _delete(pool, lease.thread_id)

    assert (await collect_packs(pool)).packs == 0
    assert set(await packs_behind(pool, other.thread_id, [SECOND])) == {BASE, FIRST, SECOND}


async def test_a_commit_that_left_the_base_branch_gets_its_data_later_and_once(pool, lease):
    await keep_packs(pool, lease, (Pack(commit=BASE), Pack(commit=FIRST)))

    await keep_packs(pool, lease, (Pack(commit=BASE, data=b"whole", needs=(FIRST,)),))
    await keep_packs(pool, lease, (Pack(commit=BASE, data=b"again", needs=(SECOND,)), Pack(commit=BASE)))

    assert await pack_data(pool, lease.thread_id, BASE) == b"whole"
    assert (await packs_behind(pool, lease.thread_id, [BASE]))[BASE].needs == (FIRST,)


async def test_a_worker_that_was_taken_over_keeps_nothing(pool, lease):
    await take_over(pool, lease)
    before = await contents(pool)

    with pytest.raises(LeaseLost):
        await keep_packs(pool, lease, CHAIN)

    assert await contents(pool) == before


async def test_a_checkpoint_whose_commit_is_in_no_pack_is_refused_whole(pool, lease):
    await keep_packs(pool, lease, CHAIN)
    saver = FencedSaver(pool, lease, project=project_values)
    at_first = await put(saver, lease.thread_id, {**state_after(Step.PLANNING, then=Step.ARCHITECT), "head": FIRST})
    before = await contents(pool)

    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="moments_pack"):
        await put(saver, lease.thread_id, {**state_after(Step.ARCHITECT, then=Step.PLAN_GATE), "head": "3" * 40}, at_first)

    assert await contents(pool) == before
    assert await rows(pool, "SELECT pack FROM moments") == [{"pack": FIRST}]


async def test_what_a_moment_names_cannot_be_let_go_of(pool, lease):
    await keep_packs(pool, lease, CHAIN)
    await put(
        FencedSaver(pool, lease, project=project_values), lease.thread_id, {**state_after(Step.MERGE, then=Step.MERGE), "head": FIRST}
    )

    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="moments_pack"):
        await rows(pool, "DELETE FROM epic_packs WHERE commit = %s RETURNING commit", FIRST)
    async with pool.connection() as connection:
        await connection.execute("UPDATE epics SET status = 'merged'")
    assert await let_go_of_unnamed(pool, lease.thread_id) == 1
    assert (await collect_packs(pool)).packs == 1

    assert await _stored(pool) == {"1": b"first", "c": None}


async def test_an_epic_that_has_not_ended_lets_go_of_nothing(pool, lease):
    await keep_packs(pool, lease, CHAIN)

    assert await let_go_of_unnamed(pool, lease.thread_id) == 0


async def test_the_collector_waits_for_a_pack_that_nobody_holds_yet(pool, lease):
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT keep_pack(%s, %s, %s, '{}')", [lease.thread_id, FIRST, b"first"])
        collecting = asyncio.create_task(collect_packs(pool))
        done, _ = await asyncio.wait({collecting}, timeout=0.3)
        assert not done

    assert (await collecting).packs == 0
    assert await _stored(pool) == {"1": b"first"}


async def test_a_lease_is_renewed_while_a_large_pack_is_on_its_way(pool, lease, database_url):
    large = Pack(commit=FIRST, data=bytes(24 * 1024 * 1024))
    with TcpProxy(database_url) as proxy:
        async with open_pool(proxy.url) as slow:
            await keep_packs(slow, lease, (Pack(commit=BASE),))
            keeping = asyncio.create_task(keep_packs(slow, lease, (large,)))
            await asyncio.sleep(0.03)
            proxy.partition()
            await asyncio.sleep(0.3)
            # A transaction that is open while the bytes travel holds the lease's row, and is ended as an idle one at last.
            async with pool.connection() as connection, connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '2s'")
                await connection.execute("UPDATE leases SET expires_at = expires_at WHERE thread_id = %s", [lease.thread_id])
            proxy.heal()
            await keeping
    assert [row["commit"] for row in await rows(pool, "SELECT commit FROM packs WHERE data IS NOT NULL")] == [FIRST]
