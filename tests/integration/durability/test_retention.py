"""Pruning finished epics: what goes, what never does, and who may be at work meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.durability.writing import (
    COMMIT,
    HERE,
    LONG_S,
    THERE,
    contents,
    expire,
    put,
    rows,
    state_after,
    take_over,
    until_waiting,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def policy():
    from engine.retention import RetentionPolicy

    def make(**given):
        return RetentionPolicy(**{"checkpoints_days": 90, "journal_days": 180, "events_days": 365, "keep": 1_000, **given})

    return make


async def ended_days_ago(pool, epic, days, *, status="merged"):
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE epics SET status = %s, updated_at = now() - make_interval(days => %s) WHERE id = %s", (status, days, epic)
        )


async def written(database, lease, *, steps=3):
    """Give an epic a few checkpoints, and return their configs."""
    from db.saver import FencedSaver
    from epics.steps import Step

    saver, config, configs = FencedSaver(database.pool, lease), None, []
    for _ in range(steps):
        config = await put(saver, lease.thread_id, state_after(Step.PLANNING, then=Step.ARCHITECT), config)
        configs.append(config)
    return configs


async def old_epic(database, new_epic, *, days=400):
    """A finished epic with three checkpoints and an attempt with a turn, and nobody at it."""
    from db.attempts import open_attempt
    from db.leases import release_lease, take_lease
    from tests.integration.durability.writing import ATTEMPT

    lease = await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S)
    await written(database, lease)
    await open_attempt(database.pool, lease, ATTEMPT)
    await rows(
        database.pool,
        "INSERT INTO turns (epic_id, attempt, n, request_hash, model, request, answer) VALUES (%s, 1, 1, 'h', 'm', '{}', '{}') RETURNING n",
        lease.thread_id,
    )
    await release_lease(database.pool, lease)
    await ended_days_ago(database.pool, lease.thread_id, days)
    return lease.thread_id


async def checkpoints_of(pool, epic):
    return [row["id"] for row in await rows(pool, "SELECT checkpoint_id AS id FROM checkpoints WHERE thread_id = %s ORDER BY 1", epic)]


async def test_a_pruned_epic_still_tells_all_that_its_rows_tell(begin, policy):
    from db.reading import state_at
    from epics.errors import HistoryPruned, MomentNotFound

    epic = await begin(auto_approve=True)
    pool = epic.engine._pool
    assert (await epic.engine.advance(epic.id)).status == "merged"
    await epic.rows("UPDATE moments SET name = 'before the work' WHERE epic_id = %s AND n = 2 RETURNING n")
    await ended_days_ago(pool, epic.id, 400)
    view, moments, attempts = await epic.engine.epic(epic.id), await epic.engine.moments(epic.id), await epic.engine.attempts(epic.id)
    last = (await epic.engine.events(epic.id))[-1]

    report = await epic.engine.prune(policy(), apply=True)

    after = await epic.engine.epic(epic.id)
    assert after.pruned is not None
    assert None not in after.pruned.model_dump().values()
    assert after.model_copy(update={"pruned": None}) == view
    assert await epic.engine.moments(epic.id) == moments
    assert await epic.engine.attempts(epic.id) == attempts
    assert (await state_at(pool, epic.id, moments[-1].checkpoint_id)).step == "merge"
    assert (await state_at(pool, epic.id, moments[1].checkpoint_id)).step == moments[2].step
    with pytest.raises(MomentNotFound):
        await state_at(pool, epic.id, moments[2].checkpoint_id)
    with pytest.raises(HistoryPruned):
        await epic.engine.attempt_log(epic.id, 1)
    assert [event.type for event in await epic.engine.events(epic.id)] == [last.type, "history_pruned"]
    assert (report.epics, report.kept.named_moments) == (1, 1)
    assert report.bytes > 10_000
    assert (await epic.engine.prune(policy(), apply=True)).epics == 0


async def test_a_dry_run_writes_nothing_and_tells_what_pruning_then_does(database, new_epic, policy):
    from engine.retention import prune

    for _ in range(2):
        await old_epic(database, new_epic)
    before = await contents(database.pool)

    told = await prune(database.pool, policy(), apply=False)

    assert await contents(database.pool) == before
    done = await prune(database.pool, policy(), apply=True)
    assert told.policies == done.policies
    assert (told.rows, told.bytes, told.epics, told.kept) == (done.rows, done.bytes, done.epics, done.kept)
    assert done.rows > 0


async def test_each_kind_goes_by_its_own_age(database, new_epic, policy):
    from engine.retention import prune

    epic = await old_epic(database, new_epic, days=200)

    await prune(database.pool, policy(), apply=True)

    left = (await contents(database.pool)).items()
    assert {name: len(lines) for name, lines in left if name in {"checkpoints", "turns", "briefs"}} == {
        "checkpoints": 1,
        "turns": 0,
        "briefs": 0,
    }
    kinds = [row["type"] for row in await rows(database.pool, "SELECT type FROM events WHERE epic_id = %s ORDER BY n", epic)]
    assert kinds == ["epic_queued", "attempt_started", "history_pruned"]


async def test_what_is_beyond_the_number_to_keep_is_pruned_however_young(database, new_epic, policy):
    from engine.retention import prune

    older, newer = await old_epic(database, new_epic, days=2), await old_epic(database, new_epic, days=1)

    report = await prune(database.pool, policy(keep=1), apply=True)

    assert (report.first, report.surplus, report.kept.within_policy) == ((older,), 1, 1)
    assert len(await checkpoints_of(database.pool, newer)) == 3


@pytest.mark.parametrize("status", ["queued", "waiting", "paused"])
async def test_what_has_not_ended_is_never_pruned(database, new_epic, policy, status):
    from engine.retention import prune

    epic = await old_epic(database, new_epic)
    await ended_days_ago(database.pool, epic, 4_000, status=status)
    before = await contents(database.pool)

    report = await prune(database.pool, policy(keep=0, checkpoints_days=0, journal_days=0, events_days=0), apply=True)

    assert (report.epics, report.kept.unfinished) == (0, {status: 1})
    assert await contents(database.pool) == before


async def test_an_epic_that_waits_goes_on_after_pruning_as_if_nothing_had_been(begin, policy):
    epic = await begin()
    pool = epic.engine._pool
    await epic.engine.advance(epic.id)
    await epic.rows("UPDATE epics SET updated_at = now() - interval '4000 days' WHERE id = %s RETURNING id")

    async def keep_pruning():
        while True:
            await epic.engine.prune(policy(keep=0, checkpoints_days=0, journal_days=0, events_days=0), apply=True)
            await asyncio.sleep(0.05)

    pruning = asyncio.create_task(keep_pruning())
    await epic.decide("approve")
    at_merge = await epic.engine.advance(epic.id)
    moments = [moment.n for moment in await epic.engine.moments(epic.id)]
    await epic.decide("approve")
    ended = await epic.engine.advance(epic.id)
    pruning.cancel()
    await asyncio.wait({pruning})

    assert (at_merge.status, at_merge.step, ended.status) == ("waiting", "merge_gate", "merged")
    assert moments == list(range(1, len(moments) + 1))
    assert [m.n for m in await epic.engine.moments(epic.id)][: len(moments)] == moments
    assert len(await checkpoints_of(pool, epic.id)) >= 1


async def test_an_epic_under_a_live_lease_is_left_for_the_next_time(database, new_epic, policy):
    from db.leases import take_lease
    from engine.retention import prune

    epic = await old_epic(database, new_epic)
    await take_lease(database.pool, epic, THERE, seconds=LONG_S)

    report = await prune(database.pool, policy(), apply=True)

    assert (report.epics, report.rows, report.kept.at_work) == (0, 0, 1)
    assert len(await checkpoints_of(database.pool, epic)) == 3


async def test_a_worker_whose_lease_ran_out_writes_nothing_more_to_a_pruned_epic(database, new_epic, policy):
    from db.leases import take_lease
    from engine.retention import prune
    from epics.errors import LeaseLost

    epic = await old_epic(database, new_epic)
    stale = await take_lease(database.pool, epic, THERE, seconds=LONG_S)
    await expire(database.pool)

    report = await prune(database.pool, policy(), apply=True)

    assert report.epics == 1
    with pytest.raises(LeaseLost):
        await written(database, stale)


async def test_a_take_over_waits_for_pruning_and_reads_what_is_left(database, new_epic):
    from db.leases import release_lease, take_lease

    epic = await old_epic(database, new_epic)
    stale = await take_lease(database.pool, epic, HERE, seconds=LONG_S)
    await release_lease(database.pool, stale)

    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT prune_epic(id, ARRAY['checkpoints'], updated_at, true) FROM epics WHERE id = %s", (epic,))
        taking = asyncio.create_task(take_lease(database.pool, epic, THERE, seconds=LONG_S))
        await until_waiting(database.pool, 1)
        assert not taking.done()

    lease = await taking
    assert await checkpoints_of(database.pool, epic) == (await checkpoints_of(database.pool, epic))[-1:]
    assert len(await written(database, lease, steps=1)) == 1


async def test_whoever_takes_an_epic_over_first_keeps_pruning_away(database, new_epic):
    epic = await old_epic(database, new_epic)
    seen = (await rows(database.pool, "SELECT updated_at FROM epics WHERE id = %s", epic))[0]["updated_at"]
    prune_it = "SELECT * FROM prune_epic(%s, ARRAY['checkpoints'], %s, true)"

    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("UPDATE leases SET epoch = epoch + 1 WHERE thread_id = %s", (epic,))
        async with asyncio.timeout(10):
            meanwhile = await rows(database.pool, prune_it, epic, seen)
    await rows(database.pool, "UPDATE epics SET updated_at = now() WHERE id = %s RETURNING id", epic)

    assert meanwhile == []
    # It was written to since it was seen.
    assert await rows(database.pool, prune_it, epic, seen) == []
    assert len(await checkpoints_of(database.pool, epic)) == 3


async def test_pruners_at_the_same_time_prune_each_epic_once(database, new_epic, policy):
    from engine.retention import prune

    epics = [await old_epic(database, new_epic) for _ in range(6)]
    told = await prune(database.pool, policy(), apply=False)

    reports = await asyncio.gather(*(prune(database.pool, policy(), apply=True) for _ in range(4)))

    assert sum(report.rows for report in reports) == told.rows
    assert [len(await checkpoints_of(database.pool, epic)) for epic in epics] == [1] * 6
    pruned = await rows(database.pool, "SELECT count(*) AS n FROM events WHERE type = 'history_pruned'")
    assert pruned == [{"n": 6}]


async def test_blobs_and_writes_stay_with_the_checkpoints_that_stay(database, new_epic, policy):
    from db.reading import state_at
    from engine.retention import prune

    epic = await old_epic(database, new_epic)
    config = {"thread_id": epic, "checkpoint_ns": "", "checkpoint_id": (await checkpoints_of(database.pool, epic))[-1]}

    await prune(database.pool, policy(), apply=True)

    assert (await state_at(database.pool, epic, config["checkpoint_id"])).head == COMMIT
    versions = await rows(database.pool, "SELECT checkpoint -> 'channel_versions' AS of FROM checkpoints WHERE thread_id = %s", epic)
    blobs = await rows(database.pool, "SELECT channel, version FROM checkpoint_blobs WHERE thread_id = %s", epic)
    assert blobs
    assert all(versions[0]["of"][blob["channel"]] == blob["version"] for blob in blobs)


async def test_packs_that_only_turns_named_go_with_the_turns(database, new_epic, policy):
    from engine.retention import prune

    epic, other = await old_epic(database, new_epic), await new_epic()
    for holder, commit in ((epic, COMMIT), (epic, "a" * 40), (epic, "b" * 40), (other, "b" * 40)):
        await rows(database.pool, "SELECT keep_pack(%s, %s, 'data', '{}')::text", holder, commit)
    await rows(database.pool, "UPDATE turns SET tree = %s WHERE epic_id = %s RETURNING n", "a" * 40, epic)
    await ended_days_ago(database.pool, epic, 400)

    report = await prune(database.pool, policy(), apply=True)

    left = await rows(database.pool, "SELECT commit FROM packs ORDER BY commit")
    assert [row["commit"][0] for row in left] == ["b", "c"]
    assert next(part.rows for part in report.policies if part.kind == "packs") == 1


async def test_of_all_workers_one_makes_a_pass_in_an_hour(database, new_epic, policy):
    from engine.retention import run_retention

    epic, stop = await old_epic(database, new_epic), asyncio.Event()
    loops = [asyncio.create_task(run_retention(database.pool, policy(), stop)) for _ in range(3)]

    async with asyncio.timeout(20):
        while not await rows(database.pool, "SELECT id FROM retention_passes WHERE ended_at IS NOT NULL"):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*loops)

    assert len(await checkpoints_of(database.pool, epic)) == 1
    passes = await rows(database.pool, "SELECT epics, byte_count > 0 AS freed FROM retention_passes")
    assert passes == [{"epics": 1, "freed": True}]


async def test_an_epic_taken_over_after_pruning_goes_on_from_its_newest_checkpoint(database, lease, policy):
    from db.saver import FencedSaver
    from engine.retention import prune

    configs = await written(database, lease)
    await ended_days_ago(database.pool, lease.thread_id, 400)
    await expire(database.pool)

    await prune(database.pool, policy(), apply=True)

    taken = await take_over(database.pool, lease)
    found = await FencedSaver(database.pool, taken).aget_tuple({"configurable": {"thread_id": lease.thread_id, "checkpoint_ns": ""}})
    assert found is not None
    assert found.checkpoint["id"] == configs[-1]["configurable"]["checkpoint_id"]
