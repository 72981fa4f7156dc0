"""Prompts in versions, one of them active, and the values that fill them in, as the faces have them."""

from __future__ import annotations

import asyncio

import pytest
from psycopg.errors import ObjectNotInPrerequisiteState

from epics.access_errors import Forbidden
from epics.agent_errors import MemoryNotFound, PromptNotFound
from epics.callers import Caller, acting_as
from epics.errors import InvalidInput, WorkflowNotFound
from epics.roles import Grant, Role

pytestmark = pytest.mark.postgres


@pytest.fixture
async def engine(engine_at, story):
    return await engine_at(story())


async def versions(engine, **asked):
    return [(view.version, view.active, view.own) for view in (await engine.prompts.page(agent="simple", **asked)).items]


async def own_says(engine, text, **variables):
    from db.prompts import prompt_of_agent

    return (await prompt_of_agent(engine._pool, "simple", text, variables))["version"]


async def test_the_prompt_in_the_code_is_version_one_however_many_ask_at_once(engine):
    await asyncio.gather(*(engine.prompts.page(agent="simple") for _ in range(5)))

    assert await versions(engine) == [(1, True, True)]


async def test_a_version_is_told_to_nobody_before_it_is_activated(engine):
    added = await engine.prompts.add("simple", "Be brief, {{ name }}.", variables={"name": "you"})

    assert (added.version, added.active, added.author, added.names) == (2, False, "genie", ("name",))
    assert await versions(engine, active=True) == [(1, True, True)]
    assert (await engine.prompts.activate("simple", 2)).active
    assert await versions(engine) == [(2, True, False), (1, False, True)]


async def test_of_many_activations_at_once_one_version_is_active(engine):
    for text in "abcde":
        await engine.prompts.add("simple", text)

    await asyncio.gather(*(engine.prompts.activate("simple", 1 + each % 6) for each in range(24)))

    assert [active for _, active, _ in await versions(engine)].count(True) == 1


async def test_versions_that_are_added_at_once_have_numbers_of_their_own(engine):
    added = await asyncio.gather(*(engine.prompts.add("simple", f"Text {each}") for each in range(6)))

    assert sorted(view.version for view in added) == [2, 3, 4, 5, 6, 7]


async def test_an_edit_of_the_code_is_active_at_once_and_the_edit_back_is_no_new_version(engine):
    await engine.prompts.page(agent="simple")
    first = (await engine.prompts.show("simple")).text

    assert [await own_says(engine, "Edited."), await own_says(engine, "Edited."), await own_says(engine, "Again.")] == [2, 2, 3]
    assert await own_says(engine, "Edited.") == 2
    # What asks reads the code as it is, which was never edited.
    assert (await engine.prompts.show("simple")).text == first


async def test_what_a_person_activated_stays_when_the_code_is_edited(engine):
    await engine.prompts.add("simple", "Mine.")
    await engine.prompts.activate("simple", 2)

    assert await own_says(engine, "Edited.") == 2
    assert (await engine.prompts.show("simple")).text == "Mine."


async def test_what_a_version_says_never_changes(engine, rows):
    await engine.prompts.page(agent="simple")

    with pytest.raises(ObjectNotInPrerequisiteState, match="version 1 of the prompt default of simple is written"):
        await rows("UPDATE prompts SET text = 'other'")


async def test_status_keys_have_versions_of_their_own(engine):
    added = await engine.prompts.add("simple", "Stop.", status_key="ending")

    assert (added.version, added.status_key) == (1, "ending")
    assert await versions(engine, active=True) == [(1, True, True)]


@pytest.mark.parametrize(
    "agent, text, said",
    [("review", "x", "is a workflow"), ("simple", "{{", "not a valid template"), ("simple", "{% import 'x' as y %}", "stands alone")],
    ids=["workflow", "template", "import"],
)
async def test_what_can_be_no_prompt_is_refused(engine, agent, text, said):
    with pytest.raises(InvalidInput, match=said):
        await engine.prompts.add(agent, text)


async def test_what_is_not_there_is_said_to_be_not_there(engine):
    with pytest.raises(PromptNotFound, match="version 7"):
        await engine.prompts.activate("simple", 7)
    with pytest.raises(WorkflowNotFound):
        await engine.prompts.add("nobody", "x")


async def test_prompts_are_read_page_by_page(engine):
    for each in range(4):
        await engine.prompts.add("simple", f"Text {each}")

    seen, cursor = [], None
    while True:
        page = await engine.prompts.page(agent="simple", limit=2, cursor=cursor)
        seen += [view.version for view in page.items]
        if (cursor := page.next) is None:
            break

    assert seen == [5, 4, 3, 2, 1]


async def test_a_memory_is_kept_replaced_read_and_forgotten_with_a_trace_in_the_audit(engine, small_repo, rows):
    from engine.memories_for_faces import Whose

    for whose in (Whose(), Whose(agent="simple"), Whose(repo=str(small_repo)), Whose(session=(await engine.sessions.create("simple")).id)):
        await engine.memories.set(whose, "tone", "kind")
        assert (await engine.memories.set(whose, "tone", "rude")).value == "rude"
        assert (await engine.memories.get(whose, "tone")).updated_by == "genie"
        assert (await engine.memories.unset(whose, "tone")).value == "rude"
        with pytest.raises(MemoryNotFound):
            await engine.memories.get(whose, "tone")

    deeds = await rows("SELECT deed, subject, data FROM audit WHERE kind = 'memory' ORDER BY n")
    assert [row["deed"] for row in deeds] == ["set", "set", "unset"] * 4
    assert not any("rude" in str(row) for row in deeds)


async def test_memories_are_read_page_by_page_and_only_by_who_may(engine, small_repo):
    from engine.memories_for_faces import Whose

    for name in ("a", "b", "c"):
        await engine.memories.set(Whose(), name, name)
    await engine.memories.set(Whose(repo=str(small_repo)), "secret", "of the shop")
    await engine.memories.set(Whose(session=(await engine.sessions.create("simple")).id), "mine", "alone")
    first = await engine.memories.page(limit=2)
    rest = await engine.memories.page(limit=9, cursor=first.next)

    elsewhere = Caller(person="bob", channel="test", grants=(Grant(role=Role.OPERATOR, repo="/srv/other"),))
    with acting_as(elsewhere):
        seen = await engine.memories.page()

    assert [view.name for view in (*first.items, *rest.items)] == ["a", "b", "c", "secret", "mine"]
    assert [view.name for view in seen.items] == ["a", "b", "c"]


@pytest.mark.parametrize("role, allowed", [(Role.VIEWER, []), (Role.OPERATOR, ["repo"]), (Role.ADMIN, ["", "agent", "repo"])])
async def test_whose_memory_it_is_decides_who_may_set_it(engine, small_repo, role, allowed):
    from engine.memories_for_faces import Whose

    done = []
    with acting_as(Caller(person="ada", channel="test", grants=(Grant(role=role),))):
        for name, whose in (("", Whose()), ("agent", Whose(agent="simple")), ("repo", Whose(repo=str(small_repo)))):
            try:
                await engine.memories.set(whose, "tone", "kind")
                done.append(name)
            except Forbidden:
                continue

    assert done == allowed


@pytest.mark.parametrize("name, value", [("Tone", "x"), ("", "x"), ("a-b", "x"), ("tone", "\0"), ("tone", "x" * 20_001)])
async def test_a_name_or_a_value_that_cannot_be_one_is_refused(engine, name, value):
    from engine.memories_for_faces import Whose

    with pytest.raises(InvalidInput):
        await engine.memories.set(Whose(), name, value)
