"""What people do with knowledge: forgetting is for good, a rebuild comes to the same, and nobody does what their role forbids."""

from __future__ import annotations

import pytest

from db.episodes import count_episodes, enqueue_alone
from engine.knowledge.for_faces import KnowledgeForFaces
from engine.knowledge.telling import episode_of_person
from epics.access_errors import Forbidden
from epics.agent_errors import KnowledgeUnavailable
from epics.callers import Caller, acting_as
from epics.errors import InvalidInput
from epics.knowledge import Group, own_project
from epics.roles import Grant, Role
from memory.port import Forgetting, Listing, Query
from tests.fakes.knowing import about, episode

pytestmark = pytest.mark.postgres

SHOP, OTHER = "/repos/shop", "/repos/other"


@pytest.fixture
async def knowledge(installation, database):
    """Three episodes with five facts on one project, and one on another."""
    told = (
        episode(SHOP, about("app.py", "It is slow"), about("app.py", "Ada's password is tulip"), "It is old", key="attempt:1"),
        episode(SHOP, body="All of this is one fact", key="attempt:2"),
        episode(SHOP, about("app.py", "It was split", to="web.py", relation="into"), key="adr:1", group=Group.DECISIONS),
        episode(OTHER, "Elsewhere", key="attempt:1"),
    )
    for each in told:
        await enqueue_alone(database.pool, each)
    faces = KnowledgeForFaces(installation)
    await faces.settle(10)
    return faces


@pytest.fixture
def texts(store):
    """Return a function that gives all that is known of a project, in the order of the alphabet."""

    async def of(project=SHOP):
        return sorted(fact.text for fact in await store.facts(Listing(project=project)))

    return of


async def test_a_rebuild_comes_to_the_same(knowledge, store, texts):
    before, known = await store.counts(), await texts()

    begun = await knowledge.rebuild()
    await knowledge.settle(10)

    assert (begun.before, begun.queued) == (before, 4)
    assert await store.counts() == before
    assert await texts() == known


async def test_a_rebuild_of_one_project_leaves_the_others(knowledge, store, database):
    await knowledge.rebuild(SHOP)

    assert (await store.counts(SHOP)).facts == 0
    assert (await store.counts(OTHER)).facts == 1
    assert (await count_episodes(database.pool, None))["queued"] == 3


async def test_a_forgotten_fact_stays_forgotten_and_leaves_no_trace(knowledge, store, database, texts):
    (secret,) = [fact for fact in await store.facts(Listing(project=SHOP)) if "tulip" in fact.text]

    gone = await knowledge.forget(Forgetting(project=SHOP, fact=secret.id))
    await knowledge.rebuild()
    await knowledge.settle(10)

    assert (gone.facts, gone.episodes) == (1, 0)
    assert await texts() == ["All of this is one fact", "It is old", "It is slow", "It was split"]
    async with database.pool.connection() as connection:
        rows = await (
            await connection.execute(b"SELECT e::text AS said FROM episodes e UNION ALL SELECT f::text FROM knowledge_facts f")
        ).fetchall()
    assert not any("tulip" in row["said"] for row in rows)


async def test_a_forgotten_episode_is_not_told_again_by_its_key(knowledge, database, texts):
    gone = await knowledge.forget(Forgetting(project=SHOP, episode="attempt:2"))
    told_again = await enqueue_alone(database.pool, episode(SHOP, body="All of this is one fact", key="attempt:2"))
    await knowledge.rebuild()
    await knowledge.settle(10)

    assert (gone.facts, gone.episodes, told_again) == (1, 1, False)
    assert "All of this is one fact" not in await texts()


async def test_a_group_is_forgotten_with_what_still_waits(knowledge, database, texts):
    await enqueue_alone(database.pool, episode(SHOP, "Not stored yet", key="adr:2", group=Group.DECISIONS))

    gone = await knowledge.forget(Forgetting(project=SHOP, groups=(Group.DECISIONS,)))
    await knowledge.settle(10)

    assert (gone.facts, gone.episodes) == (1, 2)
    assert "Not stored yet" not in await texts()


async def test_what_a_store_could_not_forget_is_taken_out_of_it_later(knowledge, store, database, away, texts):
    store.fails_to_forget = away
    with pytest.raises(KnowledgeUnavailable):
        await knowledge.forget(Forgetting(project=SHOP, episode="attempt:2"))
    store.fails_to_forget = None

    await knowledge.settle(10)

    assert "All of this is one fact" not in await texts()
    assert (await count_episodes(database.pool, SHOP))["refused"] == 1


async def test_nothing_is_forgotten_by_mistake(knowledge):
    with pytest.raises(InvalidInput, match="say what is to be forgotten"):
        await knowledge.forget(Forgetting(project=SHOP))


async def test_the_same_words_of_a_person_are_one_episode(knowledge):
    told = episode_of_person(SHOP, Group.CONTEXT, "Lunch", "Nobody merges at noon.")

    assert await knowledge.add(told)
    assert not await knowledge.add(episode_of_person(SHOP, Group.CONTEXT, "Lunch", "Nobody merges at noon."))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
async def test_each_role_does_what_it_may_and_nothing_of_other_projects(knowledge, role):
    with acting_as(Caller(person="ada", channel="http", grants=(Grant(role=role, repo=SHOP),))):
        allowed = {
            "search": await _may(knowledge.search(Query(project=SHOP, text="slow"))),
            "add": await _may(knowledge.add(episode_of_person(SHOP, Group.CONTEXT, "A", "B"))),
            "forget": await _may(knowledge.forget(Forgetting(project=SHOP, episode="attempt:2"))),
            "rebuild": await _may(knowledge.rebuild(SHOP)),
        }
        elsewhere = [
            await _may(knowledge.search(Query(project=OTHER, text="elsewhere"))),
            await _may(knowledge.facts(Listing(project=OTHER))),
            await _may(knowledge.entities(OTHER)),
            await _may(knowledge.forget(Forgetting(project=OTHER, episode="attempt:1"))),
            await _may(knowledge.rebuild()),
            await _may(knowledge.stats()),
            await _may(knowledge.queue()),
            await _may(knowledge.retry()),
        ]

    assert allowed == {"search": True, "add": role is not Role.VIEWER, "forget": role is Role.ADMIN, "rebuild": role is Role.ADMIN}
    assert not any(elsewhere)


async def test_what_runs_on_no_repository_taught_is_their_persons_own_and_an_admins(knowledge, database):
    mine = own_project("ada")
    await enqueue_alone(database.pool, episode(mine, "Ada looks for another job", key="r-1:run"))
    await knowledge.settle(10)
    await enqueue_alone(database.pool, episode(mine, "She has found one", key="r-2:run", title="About ada"))

    async def seen_by(person, role):
        with acting_as(Caller(person=person, channel="http", grants=(Grant(role=role),))):
            (fact,) = await knowledge.facts(Listing(project=mine))
            return (
                [found.fact.id for found in await knowledge.search(Query(project=mine, text="job"))] == [fact.id],
                (await knowledge.fact(mine, fact.id)).text,
                (await knowledge.stats(mine)).known.facts,
                [each.title for each in await knowledge.queue()] == [each.title for each in await knowledge.queue(mine)] == ["About ada"],
            )

    for person, role in (("ada", Role.VIEWER), ("root", Role.ADMIN)):
        assert await seen_by(person, role) == (True, "Ada looks for another job", 1, True)
    with acting_as(Caller(person="bob", channel="http", grants=(Grant(role=Role.APPROVER),))):
        tried = [
            knowledge.search(Query(project=mine, text="job")),
            knowledge.facts(Listing(project=mine)),
            knowledge.entities(mine),
            knowledge.stats(mine),
            knowledge.queue(mine),
            knowledge.add(episode_of_person(mine, Group.CONTEXT, "A", "B")),
        ]
        assert [await _may(deed) for deed in tried] == [False] * len(tried)
        assert await knowledge.queue() == ()
    with acting_as(Caller(person="ada", channel="http", grants=(Grant(role=Role.VIEWER),))):
        assert (await knowledge.forget(Forgetting(project=mine, groups=(Group.LEARNING,)))).episodes == 2


async def test_deeds_and_refusals_are_in_the_audit(knowledge, database):
    with acting_as(Caller(person="ada", channel="http", grants=(Grant(role=Role.VIEWER, repo=SHOP),))), pytest.raises(Forbidden):
        await knowledge.rebuild(SHOP)
    await knowledge.forget(Forgetting(project=SHOP, episode="attempt:2"))

    async with database.pool.connection() as connection:
        rows = await (
            await connection.execute(b"SELECT person, deed, answer, repo FROM audit WHERE kind = 'knowledge' ORDER BY n")
        ).fetchall()
    assert [tuple(row.values()) for row in rows] == [("ada", "rebuild", "forbidden", SHOP), ("genie", "forget", "done", SHOP)]


async def _may(deed):
    try:
        await deed
    except Forbidden:
        return False
    return True
