"""The queue of episodes: nothing is lost, nothing is doubled, and nothing holds up the rest."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import open_pool
from db.episodes import claim_episodes, count_episodes, enqueue_alone, enqueue_episode, episode_stored, list_queued, retry_episodes
from db.knowledge import add_episode, knowing
from engine.knowledge.for_faces import KnowledgeForFaces
from engine.knowledge.of_project import ProjectKnowledge
from engine.knowledge.pump import Pace, Pump, run_knowledge, wait_after
from epics.agent_errors import QueueFull
from epics.knowledge import Counts, Group, Source
from memory.port import Forgetting
from tests.fakes.knowing import about, episode

pytestmark = pytest.mark.postgres

SHOP = "/repos/shop"
AT_ONCE = Pace(first_wait_s=0.0, claim_s=0.2, tries=3)


@pytest.fixture
def pool(database):
    return database.pool


@pytest.fixture
def told(pool):
    """Return a function that queues episodes of these keys."""

    async def tell(*keys, project=SHOP):
        for key in keys:
            await enqueue_alone(pool, episode(project, about("app.py", f"Fact {key}"), key=key))

    return tell


async def test_what_is_told_is_stored_once(installation, store, pool, told):
    await told("a", "b", "a")

    await Pump(installation).settle(5)

    assert await store.counts(SHOP) == Counts(episodes=2, facts=2, entities=1)
    assert await count_episodes(pool, SHOP) == {"queued": 0, "stored": 2, "dead": 0, "refused": 0}


async def test_an_episode_is_queued_with_what_its_transaction_does_or_not_at_all(pool):
    async with pool.connection() as connection, connection.transaction(force_rollback=True):
        assert await enqueue_episode(connection, episode(SHOP, "A lamp"))

    assert (await count_episodes(pool, None))["queued"] == 0


async def test_a_full_queue_takes_no_more_of_this_project_and_the_transaction_goes_on(pool):
    async with pool.connection() as connection, connection.transaction():
        assert await enqueue_episode(connection, episode(SHOP, "One", key="a"), most=1)
        with pytest.raises(QueueFull):
            await enqueue_episode(connection, episode(SHOP, "Two", key="b"), most=1)
        assert not await enqueue_episode(connection, episode(SHOP, "One", key="a"), most=1)
        assert await enqueue_episode(connection, episode("/repos/other", "Three"), most=1)

    assert (await count_episodes(pool, None))["queued"] == 2


async def test_secrets_are_taken_out_before_anything_is_kept(pool):
    pool.clean_with(lambda value: {**value, "body": value["body"].replace("hunter2-hunter2", "[secret]")})

    await enqueue_alone(pool, episode(SHOP, body="The password is hunter2-hunter2."))

    (waiting,) = await claim_episodes(pool, seconds=1, most=1)
    assert waiting.episode is not None
    assert waiting.episode.body == "The password is [secret]."


async def test_a_store_that_is_away_is_tried_again_until_it_is_back(installation, store, pool, told, away):
    await told("a")
    store.fails = lambda _: away

    await Pump(installation, AT_ONCE).once()
    (put_off,) = await list_queued(pool, projects=[SHOP], dead=False, limit=9)
    store.fails = lambda _: None
    await Pump(installation, AT_ONCE).settle(5)

    assert (put_off["state"], put_off["tries"], put_off["problem"]) == ("queued", 1, "the store is away")
    assert (await store.counts(SHOP)).facts == 1


async def test_an_episode_that_no_store_can_take_is_given_up_and_holds_up_no_other(installation, store, pool, told):
    await told("bad", "good")
    store.fails = lambda each: ValueError("no store can take this") if each.key == "bad" else None

    pump = Pump(installation, AT_ONCE)
    for _ in range(AT_ONCE.tries):
        await pump.once()

    (dead,) = await list_queued(pool, projects=None, dead=True, limit=9)
    assert (dead["key"], dead["tries"]) == ("bad", AT_ONCE.tries)
    assert [fact.text for fact in await store.facts(_all())] == ["Fact good"]
    store.fails = lambda _: None
    assert await retry_episodes(pool, SHOP) == 1
    await pump.settle(5)
    assert (await store.counts(SHOP)).facts == 2


async def test_killed_between_storing_and_noting_it_is_stored_once(installation, store, pool, told):
    await told("a", "b")
    store.fails_after = lambda each: asyncio.CancelledError() if each.key == "a" else None

    with pytest.raises(asyncio.CancelledError):
        await Pump(installation, AT_ONCE).once()
    between = await store.counts(SHOP)
    store.fails_after = lambda _: None
    await Pump(installation, AT_ONCE).settle(5)

    assert between.episodes == 1
    assert await store.counts(SHOP) == Counts(episodes=2, facts=2, entities=1)
    assert (await count_episodes(pool, SHOP))["stored"] == 2


async def test_a_claim_whose_holder_is_gone_ends_by_itself(installation, store, pool, told):
    await told("a")
    await claim_episodes(pool, seconds=0.2, most=5)

    assert await Pump(installation).once() == 0
    await asyncio.sleep(0.3)
    await Pump(installation).settle(5)

    assert (await store.counts(SHOP)).episodes == 1


async def test_what_is_forgotten_while_somebody_stores_it_stays_forgotten(installation, store, pool, told):
    await told("a", "b")
    slow = await claim_episodes(pool, seconds=0.5, most=5)

    await KnowledgeForFaces(installation).forget(Forgetting(project=SHOP, episode="a"))
    for each in slow:
        await store.add(each.episode)
    noted = [await episode_stored(pool, each) for each in slow]
    await asyncio.sleep(0.6)
    await Pump(installation).settle(5)

    assert noted == [False, True]
    assert [fact.text for fact in await store.facts(_all())] == ["Fact b"]
    assert await count_episodes(pool, SHOP) == {"queued": 0, "stored": 1, "dead": 0, "refused": 1}


async def test_what_is_being_stored_while_all_is_thrown_away_goes_whole_or_stays_whole(store, pool):
    await store.add(episode(SHOP, about("app.py", "Told before")))
    async with knowing(pool, seconds=5, wait_s=5) as connection:
        await add_episode(connection, episode(SHOP, about("app.py", "Told meanwhile")))
        wiping = asyncio.create_task(store.wipe(SHOP))
        await asyncio.sleep(0.3)
    await wiping

    left = await store.counts(SHOP)
    assert left.entities == left.facts


async def test_many_pumps_at_once_store_each_episode_once(installation, store, pool, told):
    await told(*(f"key {n}" for n in range(30)))

    await asyncio.gather(*(Pump(installation, Pace(each=3)).settle(10) for _ in range(4)))

    assert await store.counts(SHOP) == Counts(episodes=30, facts=30, entities=1)
    assert (await count_episodes(pool, SHOP))["stored"] == 30


async def test_the_pump_of_a_worker_drains_when_it_is_told_to_end(installation, store, told):
    stop = asyncio.Event()
    pumping = asyncio.create_task(run_knowledge(installation, stop, Pace(poll_s=30)))
    await asyncio.sleep(0.3)
    await told("a")

    stop.set()
    async with asyncio.timeout(5):
        await pumping

    assert (await store.counts(SHOP)).episodes == 1


async def test_what_is_told_waits_while_memory_is_off(off, pool, told):
    await told("a")

    await Pump(off).settle(5)
    knowledge = ProjectKnowledge(off, SHOP, Source(kind="run", id="r-0123456789"))
    await knowledge.remember("b", "Not kept", Group.CONTEXT, "Nothing")

    assert await knowledge.search("anything") == ()
    assert (await count_episodes(pool, None))["queued"] == 1


async def test_work_goes_on_where_knowledge_is_away(installation, store, database_url):
    notes = []
    async with open_pool(database_url) as closed:
        pass
    store._pool = closed

    async def note(problem):
        notes.append(problem)

    knowledge = ProjectKnowledge(installation, SHOP, Source(kind="run", id="r-0123456789"), note=note)

    assert await knowledge.search("a lamp") == ()
    assert len(notes) == 1


async def test_pauses_grow_up_to_half_an_hour():
    waits = [wait_after(tries, 5.0) for tries in (1, 2, 3, 30)]

    assert 4 <= waits[0] <= 6
    assert 8 <= waits[1] <= 12
    assert 16 <= waits[2] <= 24
    assert 1_440 <= waits[3] <= 2_160


def _all():
    from memory.port import Listing

    return Listing(project=SHOP)
