"""What every store of knowledge promises: what was told is found, by its words, its meaning and its neighbours, as of any time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from epics.agent_errors import FactNotFound
from epics.knowledge import Counts, Group, NewFact
from memory.port import Forgetting, Listing, Query
from tests.fakes.knowing import DAY, STORES, THEN, WITH_VECTORS, about, episode, new_project
from tests.fakes.servers import new_database


@pytest.fixture(scope="module")
def shared_url(postgres_server, database_template):
    """A database for all tests here: each has a project of its own."""
    with new_database(postgres_server, database_template) as url:
        yield url


@pytest.fixture(params=sorted(STORES))
async def store(request, shared_url):
    async with STORES[request.param](shared_url) as opened:
        yield opened


@pytest.fixture
def finds_meaning(request, store):
    if request.node.callspec.params["store"] not in WITH_VECTORS:
        pytest.skip("this store has no vectors")
    return store


@pytest.fixture
def project():
    return new_project()


@pytest.fixture
def search(store, project):
    """Return a function that gives the texts that a search of the project finds, best first."""

    async def texts(text, **given):
        return [found.fact.text for found in await store.search(Query(project=project, text=text, **given))]

    return texts


async def test_what_was_told_is_found_by_a_sentence_about_it(store, project, search):
    await store.add(episode(project, "Migrations must be run before the integration tests", "The logo is green"))

    found = await search("why do the integration tests fail without migrations?")

    assert found[0] == "Migrations must be run before the integration tests"


async def test_a_fact_bears_where_it_comes_from(store, project):
    told = episode(project, about("src/app.py", "It is slow", to="requests", relation="uses"), title="Attempt 3", key="attempt:e-1:3")

    await store.add(told)

    (found,) = await store.search(Query(project=project, text="slow"))
    fact = found.fact
    assert (fact.subject, fact.relation, fact.object) == ("src/app.py", "uses", "requests")
    assert (fact.episode, fact.title, fact.source) == (told.key, "Attempt 3", told.source)
    assert (fact.valid_from, fact.valid_to, fact.ended_at) == (THEN, None, None)
    assert await store.fact(project, fact.id) == fact


async def test_an_episode_without_facts_is_one_fact_itself(store, project, search):
    await store.add(episode(project, body="The deployment needs the flag --safe."))

    assert await search("deployment flag") == ["The deployment needs the flag --safe."]


async def test_the_same_key_is_kept_once(store, project):
    told = episode(project, "First telling", key="the-key")

    assert await store.add(told)
    assert not await store.add(told)
    assert not await store.add(episode(project, "Second telling", key="the-key"))

    assert await store.counts(project) == Counts(episodes=1, facts=1, entities=0)


async def test_the_same_key_in_another_project_is_another_episode(store, project):
    other = new_project()

    assert await store.add(episode(project, "Here", key="the-key"))
    assert await store.add(episode(other, "There", key="the-key"))

    assert [fact.text for fact in await store.facts(Listing(project=other))] == ["There"]


async def test_names_of_files_are_found_by_their_parts(store, project, search):
    await store.add(episode(project, about("src/billing/invoice_totals.py", "Rounds half up")))

    assert await search("invoice_totals.py") == ["Rounds half up"]
    assert await search("billing") == ["Rounds half up"]


async def test_what_means_the_same_is_found_without_the_same_words(finds_meaning, project):
    await finds_meaning.add(episode(project, "Customers buy one automobile", "Birds sing at dawn"))

    found = await finds_meaning.search(Query(project=project, text="purchase car"))

    assert found[0].fact.text == "Customers buy one automobile"
    assert "text" not in found[0].ways
    assert found[0].ways["vector"] == 1


async def test_ways_that_agree_put_a_fact_first(finds_meaning, project):
    await finds_meaning.add(episode(project, "Tests denied by the firewall", "Tests of the parser of dates and times", "Access denied"))

    found = await finds_meaning.search(Query(project=project, text="firewall forbidden"))

    assert found[0].fact.text == "Tests denied by the firewall"
    assert found[0].score == pytest.approx(sum(1 / (60 + rank) for rank in found[0].ways.values()))
    assert set(found[0].ways) >= {"text", "vector"}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


async def test_what_shares_an_entity_with_a_hit_is_found_beside_it(store, project):
    await store.add(episode(project, about("cache.py", "Eviction is broken"), group=Group.LEARNING))
    await store.add(episode(project, about("cache.py", "Ada decided upon Redis", to="Redis", relation="uses"), group=Group.DECISIONS))

    found = await store.search(Query(project=project, text="eviction", limit=5))

    assert found[0].fact.text == "Eviction is broken"
    beside = next(each for each in found if each.fact.text == "Ada decided upon Redis")
    assert "neighbours" in beside.ways


async def test_what_is_near_a_named_entity_ranks_higher(store, project):
    await store.add(episode(project, about("web.py", "The timeout is too short"), about("worker.py", "The timeout is too short here")))
    await store.add(episode(project, about("worker.py", "It runs on the queue", to="queue", relation="runs_on")))
    await store.add(episode(project, about("queue", "It is drained at midnight")))

    found = [each.fact for each in await store.search(Query(project=project, text="timeout", around="worker.py", limit=10))]

    assert (found[0].subject, found[0].text) == ("worker.py", "The timeout is too short here")
    texts = [fact.text for fact in found]
    assert "It runs on the queue" in texts
    assert "It is drained at midnight" in texts


async def test_a_search_stays_on_the_shelves_that_it_names(store, project, search):
    await store.add(episode(project, about("x.py", "Learned a lamp"), group=Group.LEARNING))
    await store.add(episode(project, about("x.py", "Decided a lamp"), group=Group.DECISIONS))

    assert await search("lamp", groups=(Group.DECISIONS,)) == ["Decided a lamp"]
    assert await search("lamp", groups=(Group.DECISIONS,), around="x.py") == ["Decided a lamp"]
    assert sorted(await search("lamp")) == ["Decided a lamp", "Learned a lamp"]
    assert await search("lamp", groups=()) == []


async def test_no_more_is_found_than_asked_for(store, project, search):
    await store.add(episode(project, *(f"Lamp number {n}" for n in range(12))))

    assert len(await search("lamp", limit=5)) == 5
    assert len(await search("lamp", limit=12)) == 12


async def test_a_fact_that_replaces_ends_the_one_before(store, project, search):
    await store.add(episode(project, about("tests", "Run them with nose", relation="run_with", to="nose")))
    await store.add(
        episode(project, about("tests", "Run them with pytest", relation="run_with", to="pytest", replaces=True), at=THEN + DAY)
    )

    assert await search("how are tests run") == ["Run them with pytest"]
    assert await search("how are tests run", as_of=THEN + DAY / 2) == ["Run them with nose"]
    ended = next(fact for fact in await store.facts(Listing(project=project)) if fact.object == "nose")
    assert ended.valid_to == THEN + DAY
    assert ended.ended_at is not None


async def test_what_is_told_late_is_already_replaced(store, project, search):
    await store.add(episode(project, about("tests", "Run them with pytest", relation="run_with", replaces=True), at=THEN + DAY))
    await store.add(episode(project, about("tests", "Run them with nose", relation="run_with", replaces=True)))

    assert await search("how are tests run") == ["Run them with pytest"]
    assert await search("how are tests run", as_of=THEN + DAY / 2) == ["Run them with nose"]


async def test_a_replacement_ends_nothing_of_another_relation_shelf_or_project(store, project):
    other = new_project()
    await store.add(episode(project, about("tests", "They live in tests/", relation="live_in")))
    await store.add(episode(project, about("tests", "Nose, decided", relation="run_with"), group=Group.DECISIONS))
    await store.add(episode(other, about("tests", "Nose, elsewhere", relation="run_with")))

    await store.add(episode(project, about("tests", "Pytest", relation="run_with", replaces=True), at=THEN + DAY))

    standing = [*await store.facts(Listing(project=project)), *await store.facts(Listing(project=other))]
    assert all(fact.valid_to is None for fact in standing)


async def test_only_what_held_at_a_time_is_found(store, project, search):
    freeze = NewFact(text="The freeze is on", valid_from=THEN, valid_to=THEN + 2 * DAY)
    await store.add(episode(project, freeze, NewFact(text="The freeze begins", valid_from=THEN + DAY)))

    assert sorted(await search("freeze", as_of=THEN + DAY)) == ["The freeze begins", "The freeze is on"]
    assert await search("freeze", as_of=THEN) == ["The freeze is on"]
    assert await search("freeze", as_of=THEN - DAY) == []
    assert await search("freeze", as_of=THEN + 2 * DAY) == ["The freeze begins"]


async def test_facts_are_listed_newest_first_page_by_page(store, project):
    for n in range(5):
        await store.add(episode(project, about("app.py" if n % 2 else "web.py", f"Fact {n}"), at=THEN + n * DAY))

    first = await store.facts(Listing(project=project, limit=2))
    rest = await store.facts(Listing(project=project, limit=9, before=first[-1].id))

    assert [fact.text for fact in (*first, *rest)] == ["Fact 4", "Fact 3", "Fact 2", "Fact 1", "Fact 0"]
    assert [fact.text for fact in await store.facts(Listing(project=project, about="app.py"))] == ["Fact 3", "Fact 1"]
    assert [fact.text for fact in await store.facts(Listing(project=project, as_of=THEN))] == ["Fact 0"]
    assert await store.facts(Listing(project=project, groups=(Group.DECISIONS,))) == ()


async def test_entities_are_listed_by_how_many_facts_name_them(store, project):
    await store.add(episode(project, about("app.py", "One", to="redis", relation="uses"), about("app.py", "Two")))

    entities = await store.entities(project)

    assert [(entity.name, entity.facts, entity.group) for entity in entities] == [
        ("app.py", 2, Group.LEARNING),
        ("redis", 1, Group.LEARNING),
    ]
    assert await store.entities(new_project()) == ()


async def test_a_forgotten_fact_is_found_by_no_way(store, project, search):
    await store.add(episode(project, about("app.py", "The password is kept in a drawer"), about("app.py", "It is slow")))
    (secret,) = [fact for fact in await store.facts(Listing(project=project)) if "drawer" in fact.text]

    assert await store.forget(Forgetting(project=project, fact=secret.id)) == 1

    assert "The password is kept in a drawer" not in await search("password drawer", around="app.py")
    assert await store.counts(project) == Counts(episodes=1, facts=1, entities=1)
    with pytest.raises(FactNotFound):
        await store.fact(project, secret.id)
    assert await store.forget(Forgetting(project=project, fact=secret.id)) == 0


async def test_with_an_episode_go_its_facts_and_what_only_they_named(store, project):
    await store.add(episode(project, about("app.py", "One", to="redis"), key="goes"))
    await store.add(episode(project, about("app.py", "Two"), key="stays"))

    assert await store.forget(Forgetting(project=project, episode="goes")) == 1

    assert await store.counts(project) == Counts(episodes=1, facts=1, entities=1)


async def test_a_shelf_is_forgotten_in_one_project_alone(store, project):
    other = new_project()
    for where in (project, other):
        await store.add(episode(where, "Learned", group=Group.LEARNING))
        await store.add(episode(where, "Decided", group=Group.DECISIONS))

    await store.forget(Forgetting(project=project, groups=(Group.LEARNING,)))

    assert [fact.text for fact in await store.facts(Listing(project=project))] == ["Decided"]
    assert (await store.counts(other)).facts == 2


async def test_a_project_is_counted_and_wiped_by_itself(store, project):
    other = new_project()
    before = await store.counts()
    await store.add(episode(project, about("app.py", "Here"), group=Group.DECISIONS))
    await store.add(episode(other, "There"))

    assert (await store.counts()).facts == before.facts + 2
    assert await store.counts(project, groups=(Group.LEARNING,)) == Counts()
    await store.wipe(project)

    assert await store.counts(project) == Counts()
    assert (await store.counts(other)).facts == 1


async def test_after_a_wipe_the_same_is_told_again_with_the_same_ids(store, project):
    told = episode(project, about("app.py", "One"), "Two")
    await store.add(told)
    before = await store.facts(Listing(project=project))

    await store.wipe(project)
    assert await store.add(told)

    assert [(fact.id, fact.text) for fact in await store.facts(Listing(project=project))] == [(fact.id, fact.text) for fact in before]


async def test_nothing_is_known_of_a_project_that_nobody_told_of(store):
    nowhere = new_project()

    assert await store.search(Query(project=nowhere, text="anything")) == ()
    assert await store.facts(Listing(project=nowhere)) == ()
    assert await store.counts(nowhere) == Counts()
    assert await store.forget(Forgetting(project=nowhere)) == 0
    with pytest.raises(FactNotFound):
        await store.fact(nowhere, "f-0")


async def test_what_is_recorded_now_bears_the_time_of_now(store, project):
    before = datetime.now(UTC)

    await store.add(episode(project, "Told today of long ago"))

    (fact,) = await store.facts(Listing(project=project))
    assert before - DAY < fact.recorded_at < before + DAY
    assert fact.valid_from == THEN
