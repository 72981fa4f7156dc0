"""Deeds on the person's repository are looked up before they are done and recorded around, and each is done once (rule 19)."""

from __future__ import annotations

import asyncio
import json

import pytest

import engine.effects
from db.effects import end_effect, intend_effect, list_effects, newest_effect, undo_effect
from engine.repository import EpicRepository
from engine.starting import StartEpic
from epics.effects import EffectState, merging, opening_pull_request, publishing
from epics.errors import Conflict, EffectUnknown, LeaseLost
from tests.integration.conftest import GOAL
from tests.integration.durability.acting import Killed
from tests.integration.durability.writing import take_over

pytestmark = pytest.mark.postgres

MERGE = merging("/repo", "main", "c" * 40)
DONE = {"how": "done", "commit": "c" * 40}


async def test_an_intent_is_there_before_the_deed_and_its_end_after_it(database, lease):
    intent = await intend_effect(database.pool, lease, MERGE)
    assert (intent.generation, intent.before) == (1, None)
    (meant,) = await list_effects(database.pool, lease.thread_id)
    assert (meant["state"], meant["kind"], meant["content"], meant["ended_at"]) == ("intended", "merge", list(MERGE.content), None)

    await end_effect(database.pool, lease, intent, EffectState.DONE, DONE)

    (done,) = await list_effects(database.pool, lease.thread_id)
    assert (done["state"], done["found"]) == ("done", DONE)
    assert done["ended_at"] >= done["intended_at"]


async def test_who_means_a_deed_again_learns_how_it_stands_and_does_not_change_what_is_done(database, lease):
    first = await intend_effect(database.pool, lease, MERGE)
    again = await intend_effect(database.pool, lease, MERGE)
    await end_effect(database.pool, lease, again, EffectState.DONE, DONE)
    late = await intend_effect(database.pool, lease, MERGE)
    await end_effect(database.pool, lease, first, EffectState.UNKNOWN, {"how": "unknown"})

    assert (again.generation, again.before) == (1, EffectState.INTENDED)
    assert (late.before, late.found) == (EffectState.DONE, DONE)
    assert [row["state"] for row in await list_effects(database.pool, lease.thread_id)] == ["done"]


async def test_an_undo_ends_a_generation_and_the_deed_can_be_done_again_in_the_next(database, lease):
    assert await undo_effect(database.pool, lease, MERGE, {"by": "ann"}) is None
    await end_effect(database.pool, lease, await intend_effect(database.pool, lease, MERGE), EffectState.DONE, DONE)

    assert await undo_effect(database.pool, lease, MERGE, {"by": "ann"}) == 1
    assert await undo_effect(database.pool, lease, MERGE, {"by": "ann"}) is None
    again = await intend_effect(database.pool, lease, MERGE)
    await end_effect(database.pool, lease, again, EffectState.DONE, DONE)

    assert (again.generation, again.before) == (2, None)
    rows = await list_effects(database.pool, lease.thread_id)
    assert sorted((row["generation"], row["state"]) for row in rows) == [(1, "undone"), (2, "done")]


@pytest.mark.parametrize("title", ["Greet", 'A "quoted" \\ title', "Grüße \N{PILE OF POO}", "tab\tand\x7f\x01 end"])
async def test_the_database_gives_a_pull_request_the_same_key(database, lease, title):
    record = {"branch": "genie/b", "base": "main", "head": "c" * 40, "title": title}
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO pull_requests (epic_id, record) VALUES (%s, %s::jsonb)", [lease.thread_id, json.dumps(record)]
        )

    (row,) = await list_effects(database.pool, lease.thread_id)

    assert row["key"] == opening_pull_request("/repo", "genie/b", "main", "c" * 40, title).key


async def test_many_who_mean_one_deed_at_once_share_one_generation(database, lease):
    intents = await asyncio.gather(*(intend_effect(database.pool, lease, MERGE) for _ in range(8)))

    assert {intent.generation for intent in intents} == {1}
    assert [intent.before for intent in intents].count(None) == 1


async def test_a_worker_that_lost_its_lease_records_nothing(database, lease):
    intent = await intend_effect(database.pool, lease, MERGE)
    await take_over(database.pool, lease)

    with pytest.raises(LeaseLost):
        await end_effect(database.pool, lease, intent, EffectState.DONE, DONE)
    with pytest.raises(LeaseLost):
        await intend_effect(database.pool, lease, publishing("/repo", "genie/b", "c" * 40))
    with pytest.raises(LeaseLost):
        await undo_effect(database.pool, lease, MERGE, {})

    assert [row["state"] for row in await list_effects(database.pool, lease.thread_id)] == ["intended"]


async def test_an_epic_leaves_a_record_of_each_of_its_deeds(begin, git):
    epic = await begin(auto_approve=True)

    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    rows = await list_effects(epic.engine._pool, epic.id)
    assert [(row["kind"], row["state"], row["generation"]) for row in rows] == [
        ("publish", "done", 1),
        ("pull_request", "done", 1),
        ("merge", "done", 1),
    ]
    pull = (await epic.rows("SELECT record FROM pull_requests WHERE epic_id = %s"))[0]["record"]
    repo = str(epic.repo)
    assert [row["key"] for row in rows] == [
        publishing(repo, view.branch, view.head).key,
        opening_pull_request(repo, view.branch, "main", view.head, pull["title"]).key,
        merging(repo, "main", view.head).key,
    ]
    began = git(epic.repo, "rev-list", "--max-parents=0", "main")
    assert rows[2]["found"] == {"how": "merged", "commit": git(epic.repo, "rev-parse", "main"), "before": began}


@pytest.mark.parametrize("place", ["before", "after", pytest.param("recorded", marks=pytest.mark.faults)])
async def test_a_deed_around_which_the_worker_dies_is_done_once(begin, git, monkeypatch, place):
    epic = await begin(auto_approve=True)
    _die(monkeypatch, "publish", place)
    _die(monkeypatch, "merge", place)
    shown = {"publish": 0 if place == "before" else 1, "merge": 0}

    views = [await epic.engine.advance(epic.id)]
    assert _moves(git, epic) == shown
    await epic.engine.resume(epic.id, by="ann")
    views.append(await epic.engine.advance(epic.id))
    assert _moves(git, epic) == {"publish": 1, "merge": 0 if place == "before" else 1}
    await epic.engine.resume(epic.id, by="ann")
    views.append(await epic.engine.advance(epic.id))

    assert [(view.status, view.problem) for view in views] == [
        *(("paused", f"Killed: {kind} {place}") for kind in ("publish", "merge")),
        ("merged", None),
    ]
    assert _moves(git, epic) == {"publish": 1, "merge": 1}
    found = {row["kind"]: (row["state"], row["generation"], row["found"]["how"]) for row in await list_effects(epic.engine._pool, epic.id)}
    assert (found["publish"], found["merge"]) == (
        ("done", 1, "already" if place == "after" else "done"),
        ("done", 1, "already" if place == "after" else "merged"),
    )
    assert [event.data["status"] for event in await epic.engine.events(epic.id) if event.type == "epic_ended"] == ["merged"]


@pytest.mark.faults
async def test_a_branch_that_the_person_removed_after_it_was_shown_is_not_shown_again(begin, git, monkeypatch):
    epic = await begin(auto_approve=True)
    _die(monkeypatch, "publish", "recorded")
    await epic.engine.advance(epic.id)
    (branch,) = _shown(git, epic)
    git(epic.repo, "update-ref", "-d", f"refs/heads/{branch}")

    await epic.engine.resume(epic.id, by="ann")
    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    assert _shown(git, epic) == []


@pytest.mark.faults
async def test_a_merge_that_may_have_happened_waits_for_a_look(engine_at, story, small_repo, git, monkeypatch, tmp_path):
    bare = tmp_path / "remote.git"
    git(small_repo, "clone", "--quiet", "--bare", str(small_repo), str(bare))
    engine = await engine_at(story())
    started = await engine.start(StartEpic(goal=GOAL, repo=f"file://{bare}", executor="scripted", auto_approve=True))
    _die(monkeypatch, "merge", "after")
    await engine.advance(started.id)
    merged = git(bare, "rev-parse", "main")
    hidden = bare.rename(tmp_path / "elsewhere.git")

    await engine.resume(started.id, by="ann")
    parked = await engine.advance(started.id)
    known = await newest_effect(engine._pool, merging(f"file://{bare}", "main", merged))
    hidden.rename(bare)
    await engine.resume(started.id, by="ann")
    view = await engine.advance(started.id)

    assert parked.status == "paused"
    assert "cannot be seen now, and it is not merged twice on a guess" in parked.problem
    assert known is not None
    assert known["state"] == "unknown"
    assert (view.status, git(bare, "rev-parse", "main")) == ("merged", merged)
    assert [(row["state"], row["found"]["how"]) for row in await list_effects(engine._pool, started.id) if row["kind"] == "merge"] == [
        ("done", "already")
    ]


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_cancel_that_comes_during_the_merge_counts_only_if_the_merge_was_not_made(begin, git, monkeypatch, place):
    epic = await begin(auto_approve=True)
    _die(monkeypatch, "merge", place)
    assert (await epic.engine.advance(epic.id)).step == "merge"

    if place == "before":
        view = await epic.engine.cancel(epic.id, by="ann")
    else:
        with pytest.raises(Conflict, match=f"epic {epic.id} is not cancelled: its work was merged to main before"):
            await epic.engine.cancel(epic.id, by="ann")
        view = await epic.engine.epic(epic.id)

    assert view.status == ("cancelled" if place == "before" else "merged")
    assert (git(epic.repo, "rev-parse", "main") == view.head) == (place != "before")
    refused = [event.data["by"] for event in await epic.engine.events(epic.id) if event.type == "cancel_refused"]
    assert refused == ([] if place == "before" else ["ann"])
    assert await epic.rows("SELECT id FROM commands WHERE epic_id = %s AND applied_at IS NULL") == []
    assert (await epic.engine.moments(epic.id))[-1].outcome == ("cancelled" if place == "before" else "done")


@pytest.mark.faults
async def test_a_cancel_while_nobody_can_see_whether_the_merge_was_made_pauses_the_epic(begin, git, monkeypatch, tmp_path):
    epic = await begin(auto_approve=True)
    _die(monkeypatch, "merge", "after")
    await epic.engine.advance(epic.id)
    await epic.engine.resume(epic.id, by="ann")
    hidden = epic.repo.rename(tmp_path / "elsewhere")

    with pytest.raises(EffectUnknown, match="cannot be seen now"):
        await epic.engine.cancel(epic.id, by="ann")
    parked = await epic.engine.epic(epic.id)
    hidden.rename(epic.repo)
    await epic.engine.resume(epic.id, by="ann")
    view = await epic.engine.advance(epic.id)

    assert (parked.status, view.status) == ("paused", "merged")
    assert _moves(git, epic)["merge"] == 1


def _die(monkeypatch, kind, place):
    """Let the worker die once: before a deed, after it, or after its record and before the checkpoint."""
    name, lives = {"publish": "publish", "merge": "land"}[kind], iter([True])
    deed, record = getattr(EpicRepository, name), engine.effects.end_effect

    async def dying(self, *given, **named):
        if place == "before" and next(lives, None):
            raise Killed(f"{kind} {place}")
        answer = await deed(self, *given, **named)
        if place == "after" and next(lives, None):
            raise Killed(f"{kind} {place}")
        return answer

    async def recording(pool, lease, intent, state, found):
        await record(pool, lease, intent, state, found)
        if place == "recorded" and intent.effect.kind == kind and state is EffectState.DONE and next(lives, None):
            raise Killed(f"{kind} {place}")

    monkeypatch.setattr(EpicRepository, name, dying)
    monkeypatch.setattr(engine.effects, "end_effect", recording)


def _shown(git, epic):
    """The branches of the epic in the person's repository."""
    return git(epic.repo, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/genie/").splitlines()


def _moves(git, epic):
    """How often refs of the person's repository were moved, as its own reflogs count."""
    shown = sum(len(git(epic.repo, "reflog", "show", "--format=%H", f"refs/heads/{branch}").splitlines()) for branch in _shown(git, epic))
    # The first entry of main is the commit that the repository began with.
    return {"publish": shown, "merge": len(git(epic.repo, "reflog", "show", "--format=%H", "refs/heads/main").splitlines()) - 1}
