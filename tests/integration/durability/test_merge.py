"""The work is merged once: after a crash behind the merge it is found merged (rule 20)."""

from __future__ import annotations

import pytest

from tests.integration.durability.writing import break_once, broke

pytestmark = pytest.mark.postgres

MERGED = "NEW.checkpoint #>> '{channel_values,ended}' = 'merged'"


def _use_merge_commits(repo, git):
    (repo / "genie.toml").write_text('[test]\ncommand = "true"\n[merge]\nmethod = "merge"\n')
    git(repo, "commit", "--quiet", "--all", "--message", "Merge with commits")


@pytest.mark.parametrize("method", ["ff", "merge"])
async def test_a_merge_whose_checkpoint_was_lost_is_found_and_not_made_again(begin, small_repo, git, method):
    if method == "merge":
        _use_merge_commits(small_repo, git)
    epic = await begin(auto_approve=True)
    await break_once(epic.engine._pool, "checkpoints", MERGED)

    view = await epic.engine.advance(epic.id)

    assert await broke(epic.engine._pool, "checkpoints")
    assert view.status == "merged"
    merges = git(small_repo, "rev-list", "--merges", "--count", "main")
    assert merges == ("1" if method == "merge" else "0")
    subjects = git(small_repo, "log", "--format=%s", "main").splitlines()
    assert len(subjects) == len(set(subjects)) or method == "ff"
    assert [event.data["status"] for event in await epic.engine.events(epic.id) if event.type == "epic_ended"] == ["merged"]
    assert [moment.step for moment in await epic.engine.moments(epic.id)].count("merge") == 1


@pytest.mark.parametrize("method", ["ff", "merge"])
async def test_work_that_somebody_merged_meanwhile_counts_as_merged(begin, small_repo, git, method):
    if method == "merge":
        _use_merge_commits(small_repo, git)
    epic = await begin()
    await epic.engine.advance(epic.id)
    await epic.decide("approve")
    view = await epic.engine.advance(epic.id)
    git(small_repo, "merge", "--quiet", "--no-ff", "--message", "By hand", view.branch)
    by_hand = git(small_repo, "rev-parse", "main")
    await epic.decide("approve")

    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    assert git(small_repo, "rev-parse", "main") == by_hand
