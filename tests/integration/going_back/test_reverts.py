"""Going back from merged work: a commit that takes it back is proposed at the merge gate, and history stays."""

from __future__ import annotations

import subprocess

import pytest

from epics.errors import Conflict
from epics.going_back import Level
from tests.integration.going_back.conftest import through


def files_of(repo):
    return subprocess.run(
        ["git", "-C", repo, "ls-tree", "-r", "--name-only", "main"], check=True, capture_output=True, text=True
    ).stdout.split()


@pytest.fixture(scope="module")
def standing(bring, story):
    """An epic that was merged."""
    return bring(story(), through("approve", "approve"))


@pytest.fixture
async def epic(traveller):
    """It."""
    assert (await traveller.engine.epic(traveller.id)).status == "merged"
    assert "greeting.txt" in files_of(traveller.began.repo)
    return traveller


async def test_a_merged_epic_proposes_a_revert_and_an_undo_of_it_the_work_again(epic):
    tip = (await epic.engine.epic(epic.id)).head

    plan = (await epic.back(to=0, dry_run=True)).plan
    assert (plan.kind, plan.step) == ("revert", "merge_gate")
    assert "greeting.txt" in {each.path for each in plan.files}
    view = (await epic.back(to=0)).epic
    assert (view.status, view.step) == ("paused", "merge_gate")
    assert (await epic.resume()).status == "waiting"
    (asked,) = await epic.engine.approvals(status="pending", epic=epic.id)
    assert "Revert" in asked.summary
    assert "not tested" in asked.summary
    assert (await epic.go("approve")).status == "merged"
    assert "greeting.txt" not in files_of(epic.began.repo)
    parents = subprocess.run(
        ["git", "-C", epic.began.repo, "log", "--format=%H", "main"], check=True, capture_output=True, text=True
    ).stdout
    assert tip in parents
    states = await epic.began.rows("SELECT state FROM effects WHERE epic_id = %s AND kind = 'merge' ORDER BY intended_at")
    assert [row["state"] for row in states] == ["undone", "done"]

    await epic.back(undo=True)
    assert (await epic.resume("approve")).status == "merged"
    assert "greeting.txt" in files_of(epic.began.repo)


async def test_a_revert_that_is_refused_or_cancelled_leaves_the_epic_merged(epic):
    before = await epic.engine.epic(epic.id)

    await epic.back(to=0)
    refused = await epic.resume("reject")
    assert (refused.status, refused.head) == ("merged", before.head)
    await epic.back(to=0)
    with pytest.raises(Conflict, match="merged"):
        await epic.engine.cancel(epic.id, by="ann")
    assert (await epic.engine.epic(epic.id)).status == "merged"
    await epic.back(to=0)
    undone = (await epic.back(undo=True)).epic

    assert (undone.status, undone.head) == ("merged", before.head)
    assert "greeting.txt" in files_of(epic.began.repo)


async def test_only_level_full_takes_merged_work_back(epic):
    with pytest.raises(Conflict, match="only level full"):
        await epic.back(to=1, level=Level.SNAPSHOT)


async def test_what_others_changed_since_stays_and_a_clash_is_said(epic):
    repo = epic.began.repo

    def commit(name, text):
        subprocess.run(["git", "-C", repo, "checkout", "-q", "main"], check=True)
        (repo / name).write_text(text)
        subprocess.run(["git", "-C", repo, "add", name], check=True)
        identity = ["-c", "user.name=B", "-c", "user.email=b@example.org"]
        subprocess.run(["git", "-C", repo, *identity, "commit", "-q", "-m", name], check=True)

    commit("other.txt", "theirs\n")
    plan = (await epic.back(to=0, dry_run=True)).plan
    assert "other.txt" not in {each.path for each in plan.files}
    commit("greeting.txt", "theirs too\n")

    with pytest.raises(Conflict, match=r"greeting\.txt"):
        await epic.back(to=0)

    assert (await epic.engine.epic(epic.id)).status == "merged"


async def test_going_back_from_a_proposal_proposes_anew_and_never_forgets_what_was_merged(epic):
    await epic.back(to=0)
    designed = await epic.moment_after("architect")

    with pytest.raises(Conflict, match="only level full"):
        await epic.back(to=designed.n, level=Level.STATE)
    done = await epic.back(to=designed.n)

    assert (done.plan.kind, done.epic.step) == ("revert", "merge_gate")
    (moment,) = [each for each in await epic.engine.moments(epic.id) if each.n == done.moment]
    assert moment.tree == epic.git("rev-parse", f"{moment.commit}^{{tree}}").strip()
    assert (await epic.resume("approve")).status == "merged"
    left = " ".join(files_of(epic.began.repo))
    assert "greeting.txt" not in left
    assert "docs" in left


async def test_a_revert_that_fails_is_not_taken_back_to_before_the_merge_by_its_gate(travel, story):
    epic = await travel(story(fix=[{"fail": "turns"}]), autonomy="ask")
    assert (await epic.go("approve", "approve")).status == "merged"
    await epic.back(to=0)
    await epic.resume()
    await epic.began.decide("changes", comment="Keep a note.")
    assert (await epic.go()).step == "failure_gate"

    with pytest.raises(Conflict, match="is merged: `genie time rollback"):
        await epic.began.decide("rollback", to=1)
    ended = await epic.go("abandon")

    assert ended.status == "merged"
    assert "greeting.txt" in files_of(epic.began.repo)


async def test_a_fork_of_a_proposal_is_an_epic_that_was_never_merged(epic):
    proposed = (await epic.back(to=0)).moment

    fork = await epic.fork(proposed)
    with pytest.raises(Conflict, match="never rolled back"):
        await fork.back(undo=True)
    assert (await fork.resume("reject")).status == "rejected"

    other = await epic.fork(proposed)
    assert (await other.resume("approve")).status == "merged"
    assert "greeting.txt" not in files_of(epic.began.repo)
    # What the source proposes is in the base branch already, and it comes to know that its work was taken back.
    assert (await epic.resume("approve")).status == "merged"
    states = await epic.began.rows("SELECT state FROM effects WHERE epic_id = %s AND kind = 'merge'")
    assert [row["state"] for row in states] == ["undone"]


async def test_a_fork_of_work_that_was_taken_back_is_not_told_as_merged(epic):
    opened = next(moment for moment in await epic.engine.moments(epic.id) if moment.step == "pr")
    await epic.back(to=0)
    assert (await epic.resume("approve")).status == "merged"

    fork = await epic.fork(opened.n)
    view = await fork.resume("approve")

    assert (view.status, view.step) == ("waiting", "merge_gate")
    (asked,) = await fork.engine.approvals(status="pending", epic=fork.id)
    assert f"genie time undo {epic.id}" in asked.summary
    assert "greeting.txt" not in files_of(epic.began.repo)
