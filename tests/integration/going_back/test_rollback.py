"""Rollback: a new moment on a new branch, at each level; what was stays, what is waited for is asked again."""

from __future__ import annotations

import pytest

from epics.errors import Conflict, InvalidInput, MomentNotFound
from epics.going_back import Level
from tests.integration.going_back.conftest import through


@pytest.fixture(scope="module")
def standing(bring, story):
    """An epic that waits at its merge gate."""
    return bring(story(fix=[{"write": {"greeting.txt": "HELLO\n"}}]), through("approve"))


@pytest.fixture
async def at_merge_gate(traveller):
    """It, and what it shows."""
    view = await traveller.engine.epic(traveller.id)
    assert (view.status, view.step) == ("waiting", "merge_gate")
    return traveller, view


async def test_a_full_rollback_is_a_new_moment_on_a_new_branch_and_waits_for_a_resume(at_merge_gate):
    epic, before = at_merge_gate
    refs = epic.refs()
    implemented = await epic.moment_after("implement")

    done = await epic.back(to=implemented.n)

    view = done.epic
    assert (done.done, view.status, view.step, view.head) == ("done", "paused", "test", implemented.commit)
    moments = await epic.engine.moments(epic.id)
    assert done.moment == moments[-1].n == before.moment + 1
    assert (moments[-1].outcome, moments[-1].commit, moments[-1].tree) == ("rolled_back", implemented.commit, implemented.tree)
    assert moments[-1].branch == view.branch
    assert view.branch not in {moment.branch for moment in moments[:-1]}
    assert {name: commit for name, commit in epic.refs().items() if name in refs} == refs
    assert epic.refs()[f"refs/heads/{view.branch}"] == implemented.commit
    (superseded,) = await epic.engine.approvals(status="superseded", epic=epic.id)
    assert superseded.gate == "merge_gate"
    merged = await epic.resume("approve")
    assert merged.status == "merged"


async def test_a_gate_that_was_decided_asks_again(at_merge_gate):
    epic, _ = at_merge_gate
    designed = await epic.moment_after("architect")

    view = (await epic.back(to=designed.n)).epic

    assert (view.status, view.step) == ("paused", "plan_gate")
    assert (await epic.resume()).status == "waiting"
    (open_one,) = await epic.engine.approvals(status="pending", epic=epic.id)
    assert (open_one.gate, open_one.id) == ("plan_gate", (await epic.engine.epic(epic.id)).waiting_on)
    assert (await epic.go("approve", "approve")).status == "merged"


async def test_a_dry_run_tells_what_would_change_and_changes_nothing(at_merge_gate):
    epic, before = at_merge_gate
    refs, planned = epic.refs(), await epic.moment_after("architect")

    plan = (await epic.back(to=planned.n, dry_run=True)).plan

    assert [each.path for each in plan.files] == ["greeting.txt"]
    assert {"step", "head", "pull_request"} <= {change.field for change in plan.state}
    assert plan.approvals == (before.waiting_on,)
    assert [(deed.kind, deed.undone) for deed in plan.outside] == [("publish", False), ("pull_request", True)]
    after = await epic.engine.epic(epic.id)
    assert (after.status, after.moment, after.waiting_on, epic.refs()) == (before.status, before.moment, before.waiting_on, refs)


async def test_an_undo_brings_back_what_was_and_an_undo_of_it_what_it_undid(at_merge_gate):
    epic, before = at_merge_gate
    planned = await epic.moment_after("architect")
    await epic.back(to=planned.n)

    undone = (await epic.back(undo=True)).epic
    again = (await epic.back(undo=True)).epic

    assert (undone.status, undone.step, undone.head) == ("paused", "merge_gate", before.head)
    assert (again.status, again.step, again.head) == ("paused", "plan_gate", planned.commit)
    assert (await epic.back(undo=True)).epic.step == "merge_gate"
    assert (await epic.resume("approve")).status == "merged"


async def test_the_pull_request_of_a_full_rollback_is_closed_and_opened_again_by_an_undo(at_merge_gate):
    epic, _ = at_merge_gate
    effects = "SELECT state, generation FROM effects WHERE epic_id = %s AND kind = 'pull_request' ORDER BY generation"

    await epic.back(to=(await epic.moment_after("implement")).n)
    assert await epic.began.rows("SELECT FROM pull_requests WHERE epic_id = %s") == []
    assert [row["state"] for row in await epic.began.rows(effects)] == ["undone"]
    await epic.back(undo=True)

    assert len(await epic.began.rows("SELECT FROM pull_requests WHERE epic_id = %s")) == 1
    assert [row["state"] for row in await epic.began.rows(effects)] == ["undone", "done"]


async def test_level_state_keeps_the_files_and_level_snapshot_keeps_the_state(at_merge_gate):
    epic, before = at_merge_gate
    planned = await epic.moment_after("architect")

    state = (await epic.back(to=planned.n, level=Level.STATE)).epic
    assert (state.step, state.head) == ("plan_gate", before.head)
    await epic.back(undo=True)
    files = (await epic.back(to=planned.n, level=Level.SNAPSHOT)).epic

    # The tests were about other files.
    assert (files.step, files.head) == ("test", planned.commit)


async def test_level_step_goes_to_before_the_last_step(at_merge_gate):
    epic, before = at_merge_gate

    view = (await epic.back()).epic

    assert view.step == "pr"
    assert (await epic.resume()).step == "merge_gate"
    assert before.moment is not None


async def test_failed_cancelled_and_rejected_epics_go_on_from_where_they_were_well(at_merge_gate):
    rejected, _ = at_merge_gate
    await rejected.began.decide("reject")
    assert (await rejected.go()).status == "rejected"
    view = (await rejected.back(to=(await rejected.moment_after("plan_gate")).n, guidance="Say it louder.")).epic

    assert (view.status, view.step) == ("paused", "implement")
    assert (await rejected.resume("approve")).status == "merged"
    briefs = await rejected.began.rows("SELECT text FROM briefs WHERE epic_id = %s ORDER BY attempt")
    assert any("Say it louder." in row["text"] for row in briefs)


async def test_a_cancelled_epic_is_taken_back_and_its_undo_leaves_it_cancelled(at_merge_gate):
    epic, _ = at_merge_gate
    await epic.engine.cancel(epic.id, by="ann")

    assert (await epic.back(to=1)).epic.status == "paused"
    assert (await epic.back(undo=True)).epic.status == "cancelled"


async def test_what_cannot_be_is_said(travel, story):
    epic = await travel(story())
    with pytest.raises(Conflict, match="no moment yet"):
        await epic.back(to=1)
    await epic.go()
    with pytest.raises(MomentNotFound, match="no moment 99"):
        await epic.back(to=99)
    with pytest.raises(InvalidInput, match="needs --to"):
        await epic.back(level=Level.FULL)
    with pytest.raises(Conflict, match="never rolled back"):
        await epic.back(undo=True)


async def test_a_branch_that_a_restored_database_forgot_stands_in_no_way(at_merge_gate):
    epic, _ = at_merge_gate
    implemented = await epic.moment_after("implement")
    (row,) = await epic.began.rows("SELECT last_attempt + 1 AS n FROM epics WHERE id = %s")
    name = f"genie/{epic.id}/rollback/attempt_{row['n']}"
    stale = epic.git("rev-parse", implemented.commit + "^").strip()
    epic.git("update-ref", f"refs/heads/{name}", stale)

    done = await epic.back(to=implemented.n)

    assert (done.done, done.epic.branch) == ("done", name)
    assert (await epic.resume("approve")).status == "merged"
    assert epic.refs()[f"refs/heads/{name}"] == implemented.commit
    assert stale in epic.refs().values()


async def test_the_pull_request_that_is_left_for_an_earlier_one_is_closed(at_merge_gate):
    epic, before = at_merge_gate
    await epic.began.decide("changes", comment="Louder.")
    assert (await epic.go()).step == "merge_gate"

    done = await epic.back(to=before.moment)

    (told,) = [deed for deed in done.plan.outside if deed.kind == "pull_request" and deed.undone]
    rows = await epic.began.rows("SELECT state, content ->> 3 AS head FROM effects WHERE epic_id = %s AND kind = 'pull_request'")
    states = {row["head"]: row["state"] for row in rows}
    assert states.pop(before.head) == "done", told
    assert list(states.values()) == ["undone"]
    await epic.back(undo=True)
    rows = await epic.began.rows("SELECT record ->> 'head' AS head FROM pull_requests WHERE epic_id = %s")
    assert [row["head"] for row in rows] == [(await epic.engine.epic(epic.id)).head] != [before.head]
