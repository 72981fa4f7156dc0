"""What no store of knowledge ever does: let something leak, take a text for more than a text, keep anybody waiting."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from epics.agent_errors import KnowledgeUnavailable
from epics.knowledge import Group
from memory.port import Forgetting, Listing, Query
from tests.fakes.knowing import GONE_STORES, STORES, about, episode, new_project
from tests.fakes.servers import new_database

WORDS = ("lamp", "cache", "tests", "deploy")
NAMES = ("app.py", "redis", "ada")
HOSTILE = {
    "sql": "'; DROP TABLE knowledge_facts; --",
    "quotes": "it's \"quoted\" `so` $$and so$$ E'\\x00'",
    "search_syntax": "lamp & | ! ( ) :* <-> <2> ' \\ -- -lamp \"",
    "search_operators": "& | !",
    "scope_words": "project 1 'project 1' project 1 genie_learning",
    "format_signs": "%s %(project)s {0} %%",
    "nul": "before\x00after lamp",
    "half_a_pair": "before \ud83d after",
    "emoji": "\U0001f3ee lamp \U0001f469\u200d\U0001f467",
    "right_to_left": "\u202elamp\u202c \u05de\u05e6\u05d1\u05d7 \u0645\u0635\u0628\u0627\u062d",
    "combined": "e\u0301\u0301\u0301 lamp \ufdfd",
    "one_long_word": "x" * 50_000,
    "very_long": "lamp and shade " * 6_500,
    "blank": " \n\t ",
    "empty": "",
}


@pytest.fixture(scope="module")
def shared_url(postgres_server, database_template):
    with new_database(postgres_server, database_template) as url:
        yield url


@pytest.fixture(params=sorted(STORES))
async def store(request, shared_url):
    async with STORES[request.param](shared_url) as opened:
        yield opened


TOLD = some.lists(
    some.tuples(
        some.integers(0, 3), some.sampled_from(list(Group)), some.sampled_from(WORDS), some.sampled_from(NAMES), some.sampled_from(NAMES)
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    told=TOLD,
    sought=some.sampled_from(WORDS),
    near=some.sampled_from([None, *NAMES]),
    groups=some.sets(some.sampled_from(list(Group)), min_size=1),
)
async def test_nothing_of_another_project_or_shelf_is_ever_found(store, told, sought, near, groups):
    projects = [new_project() for _ in range(4)]
    for n, (where, group, word, subject, target) in enumerate(told):
        # The same words and entities everywhere, so that each way of searching would find what it must not.
        await store.add(episode(projects[where], about(subject, f"The {word} {n} of everyone", to=target, relation="uses"), group=group))

    asked = tuple(groups)
    for project in projects:
        facts = [
            found.fact
            for found in await store.search(Query(project=project, text=f"{sought} of everyone", groups=asked, around=near, limit=50))
        ]
        facts += await store.facts(Listing(project=project, groups=asked, about=near))

        assert {(fact.project, fact.group) for fact in facts} <= {(project, group) for group in asked}
        mine = {f"The {word} {n} of everyone" for n, (where, _, word, _, _) in enumerate(told) if projects[where] == project}
        assert {fact.text for fact in facts} <= mine
        assert {entity.group for entity in await store.entities(project, groups=asked)} <= set(asked)
    assert await store.forget(Forgetting(project=projects[0])) == sum(where == 0 for where, *_ in told)


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
async def test_no_text_is_more_than_a_text(store, text):
    project, other = new_project(), new_project()
    await store.add(episode(other, "A lamp of others"))
    await store.add(episode(project, "A lamp of ours", "Nothing else"))

    found = await store.search(Query(project=project, text=text, around=text[:100] or None))

    assert {each.fact.text for each in found} <= {"A lamp of ours", "Nothing else"}
    if "lamp" in text and '"' not in text:
        assert "A lamp of ours" in {each.fact.text for each in found}
    assert (await store.counts(other)).facts == 1


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items() if text.strip() and name != "half_a_pair"])
async def test_every_text_can_be_told_and_read_again(store, text):
    project = new_project()

    await store.add(episode(project, body=text[:100_000], title=text.strip()[:100]))

    (fact,) = await store.facts(Listing(project=project))
    assert fact.text == text.replace("\x00", "\ufffd")
    assert await store.fact(project, fact.id) == fact
    assert await store.forget(Forgetting(project=project, fact=fact.id)) == 1


async def test_many_at_once_keep_each_episode_once(store):
    project = new_project()
    told = [episode(project, about(f"file{n % 3}.py", f"Told {n}", replaces=True, relation="is"), key=f"key {n}") for n in range(8)]

    added = await asyncio.gather(*(store.add(each) for each in told * 3))

    assert sum(added) == len(told)
    counts = await store.counts(project)
    assert (counts.episodes, counts.facts, counts.entities) == (8, 8, 3)
    standing = [fact for fact in await store.facts(Listing(project=project)) if fact.valid_to is None]
    assert len(standing) == 3


# What says nothing at all is given up only after some seconds, and so waited for among the fault tests.
@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.faults if name.endswith("silent") else ()) for name in sorted(GONE_STORES)])
async def gone_store(request, shared_url):
    async with GONE_STORES[request.param](shared_url) as opened:
        yield opened


async def test_a_store_that_is_gone_says_so_in_time(gone_store):
    began = time.monotonic()

    with pytest.raises(KnowledgeUnavailable):
        await gone_store.search(Query(project="/repos/shop", text="lamp"))

    assert time.monotonic() - began < 15


async def test_a_store_that_is_gone_takes_nothing(gone_store):
    with pytest.raises(KnowledgeUnavailable):
        await gone_store.add(episode("/repos/shop", "A lamp"))
