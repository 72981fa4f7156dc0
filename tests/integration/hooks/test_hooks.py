"""Messages from outside: one deed each, however often and wherever they come."""

from __future__ import annotations

import asyncio

import pytest

from config.hooks import load_hooks
from config.settings import Settings
from epics.errors import AlreadyDecided, Conflict, EpicNotFound, HookRefused, InvalidInput, StoreUnavailable
from tests.fakes.hook_sender import SECRET, VARIABLE, chat, issue, rules_for
from tests.integration.durability.writing import break_once, rows

pytestmark = pytest.mark.postgres


@pytest.fixture
def sources(tmp_path, monkeypatch, small_repo):
    (tmp_path / "hooks.toml").write_text(rules_for(str(small_repo)))
    monkeypatch.setenv(VARIABLE, SECRET)
    monkeypatch.setenv("GENIE_HOOKS_FILE", str(tmp_path / "hooks.toml"))
    return load_hooks(Settings.from_env())


@pytest.fixture
async def engine(engine_at, story):
    return await engine_at(story())


@pytest.fixture
async def waiting(begin, story):
    """An epic that waits at its plan gate."""
    began = await begin(story())
    await began.engine.advance(began.id)
    return began


async def test_twenty_deliveries_of_one_issue_at_two_servers_start_one_epic(sources, engine, engine_at, story, tmp_path):
    other = await engine_at(story(), home=tmp_path / "other-home")
    headers, body = issue("d-1")

    answers = await asyncio.gather(*((engine, other)[n % 2].hooks.receive(sources["github"], headers, body) for n in range(20)))

    (epic,) = (await engine.epics()).items
    assert {answer.epic for answer, _ in answers} == {epic.id}
    assert [replayed for _, replayed in answers].count(False) == 1
    assert epic.goal == "Greet people"
    assert epic.labels == {"issue": "7", "hook": "github", "delivery": "d-1"}
    told = await rows(engine._pool, "SELECT person, channel, via, deed, subject FROM audit")
    assert [tuple(row.values()) for row in told] == [("hook:github", "hook", "d-1", "start", epic.id)]


async def test_a_replay_under_another_id_starts_nothing(sources, engine):
    headers, body = issue("d-1")
    first, _ = await engine.hooks.receive(sources["github"], headers, body)

    again, replayed = await engine.hooks.receive(sources["github"], {**headers, "x-github-delivery": "d-2"}, body)

    assert (again, replayed) == (first, True)
    assert len((await engine.epics()).items) == 1


async def test_two_issues_are_two_epics(sources, engine):
    for number in (1, 2):
        await engine.hooks.receive(sources["github"], *issue(f"d-{number}", number=number))

    assert len((await engine.epics()).items) == 2


async def test_an_epic_and_its_delivery_are_there_together_or_not_at_all(sources, engine):
    headers, body = issue("d-1")
    await break_once(engine._pool, "hook_deliveries", "true")

    with pytest.raises(StoreUnavailable):
        await engine.hooks.receive(sources["github"], headers, body)
    assert (await engine.epics()).items == ()

    answer, replayed = await engine.hooks.receive(sources["github"], headers, body)
    assert (answer.did, replayed) == ("start", False)
    assert [epic.id for epic in (await engine.epics()).items] == [answer.epic]


async def test_what_no_rule_is_for_leads_to_nothing(sources, engine):
    answer, replayed = await engine.hooks.receive(sources["github"], *issue("d-1", label="other"))

    assert (answer.did, replayed) == ("nothing", False)
    assert (await engine.epics()).items == ()


async def test_what_is_not_signed_leads_to_nothing(sources, engine):
    headers, body = issue("d-1")

    with pytest.raises(HookRefused):
        await engine.hooks.receive(sources["github"], headers, body.replace(b"Greet", b"Greed"))

    assert (await engine.epics()).items == ()
    assert await rows(engine._pool, "SELECT * FROM hook_deliveries") == []


async def test_a_yes_is_taken_once_and_the_second_is_given_its_answer(sources, waiting):
    engine = waiting.engine
    headers, body = chat("m-1", {"type": "yes", "id": waiting.id, "text": "Do it {{ 7 * 7 }}"})

    answers = await asyncio.gather(*(engine.hooks.receive(sources["chat"], headers, body) for _ in range(8)))
    # A retry has a time and a signature of its own.
    later = await engine.hooks.receive(sources["chat"], *chat("m-1", {"type": "yes", "id": waiting.id, "text": "Do it"}, ago_s=3))

    (approval,) = await engine.approvals(epic=waiting.id)
    assert {answer.approval for answer, _ in [*answers, later]} == {approval.id}
    assert [replayed for _, replayed in [*answers, later]].count(False) == 1
    assert (approval.decision, approval.decided_by, approval.channel) == ("approve", "hook:chat", "hook")
    assert approval.comment == "Do it {{ 7 * 7 }}"
    decided = await waiting.rows("SELECT data FROM events WHERE epic_id = %s AND type = 'approval_decided'")
    assert len(decided) == 1


async def test_a_yes_that_comes_too_late_is_told_so_each_time(sources, waiting):
    approval = (await waiting.engine.epic(waiting.id)).waiting_on
    await waiting.decide("reject")

    for _ in range(2):
        with pytest.raises(AlreadyDecided):
            await waiting.engine.hooks.receive(sources["chat"], *chat("m-1", {"type": "yes", "id": approval, "text": ""}))

    assert await rows(waiting.engine._pool, "SELECT * FROM hook_deliveries") == []


async def test_a_paused_epic_is_resumed_once(sources, waiting):
    await waiting.rows("UPDATE epics SET status = 'paused', problem = 'trouble' WHERE id = %s RETURNING id")

    for _ in range(3):
        answer, _ = await waiting.engine.hooks.receive(sources["chat"], *chat("m-1", {"type": "go on", "epic": waiting.id}))
        assert (answer.did, answer.epic) == ("resume", waiting.id)

    view = await waiting.engine.epic(waiting.id)
    assert (view.status != "paused", view.problem) == (True, None)
    resumed = await waiting.rows("SELECT data FROM events WHERE epic_id = %s AND type = 'epic_resumed'")
    assert resumed == [{"data": {"by": "hook:chat"}}]


async def test_an_epic_that_has_ended_is_not_resumed_and_nothing_is_kept(sources, waiting):
    await waiting.rows("UPDATE epics SET status = 'merged' WHERE id = %s RETURNING id")

    with pytest.raises(Conflict, match="merged"):
        await waiting.engine.hooks.receive(sources["chat"], *chat("m-1", {"type": "go on", "epic": waiting.id}))

    assert await rows(waiting.engine._pool, "SELECT * FROM hook_deliveries") == []


@pytest.mark.parametrize("epic", ["e-", "%", "", "e-0000000000", 5, None, ["x"], "' OR 1=1"])
async def test_a_payload_that_names_no_epic_is_told_so(sources, engine, epic):
    with pytest.raises(EpicNotFound):
        await engine.hooks.receive(sources["chat"], *chat("m-1", {"type": "go on", "epic": epic}))


@pytest.mark.parametrize("payload", [[], "text", 5, {"type": "go on"}])
async def test_a_payload_of_another_form_is_told_so(sources, engine, payload):
    with pytest.raises(InvalidInput):
        await engine.hooks.receive(sources["chat"], *chat("m-1", payload))
