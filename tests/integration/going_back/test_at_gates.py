"""Going back at a failure gate: a rollback as any other, with its row, and an undo that takes it back."""

from __future__ import annotations

import pytest

from epics.errors import HistoryPruned


async def test_going_back_at_a_gate_can_be_undone(travel, story):
    fails = {"workflow": "implement", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), autonomy="ask")
    failed = await epic.go("approve")
    assert failed.step == "failure_gate"
    planned = await epic.moment_after("planning")
    await epic.began.decide("rollback", to=planned.n, comment="Design it anew.")
    assert (await epic.go()).step == "plan_gate"

    rows = await epic.began.rows("SELECT kind, level, to_moment, before_moment, by, guidance FROM rollbacks WHERE epic_id = %s")
    assert rows == [
        {
            "kind": "rollback",
            "level": "full",
            "to_moment": planned.n,
            "before_moment": failed.moment,
            "by": "ann",
            "guidance": "Design it anew.",
        }
    ]
    undone = await epic.back(undo=True)

    assert (undone.epic.step, undone.epic.head, undone.plan.to_moment) == ("failure_gate", failed.head, failed.moment)
    assert (await epic.resume()).step == "failure_gate"


async def test_going_back_at_a_gate_closes_the_pull_request(travel, story):
    """A merge that failed leads on to a fix that fails: the pull request is of work that the epic has left."""
    fails = {"workflow": "fix", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), autonomy="ask")
    await epic.go("approve")
    await epic.began.decide("changes", comment="Louder.")
    assert (await epic.go()).step == "failure_gate"
    await epic.began.decide("rollback", to=(await epic.moment_after("plan_gate")).n)
    view = await epic.go()

    assert view.step == "merge_gate"
    states = await epic.began.rows("SELECT state FROM effects WHERE epic_id = %s AND kind = 'pull_request' ORDER BY intended_at")
    assert [row["state"] for row in states] == ["undone", "done"]


async def test_a_gate_that_is_to_go_back_to_a_pruned_moment_says_so_at_once(travel, story):
    fails = {"workflow": "implement", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), autonomy="ask")
    assert (await epic.go("approve")).step == "failure_gate"
    planned = await epic.moment_after("planning")
    await epic.began.rows(
        "DELETE FROM checkpoints c USING moments m WHERE m.epic_id = %s AND m.n = 1 AND c.thread_id = m.epic_id"
        " AND c.checkpoint_id = m.checkpoint_id RETURNING c.checkpoint_id"
    )

    with pytest.raises(HistoryPruned, match="pruned"):
        await epic.began.decide("rollback", to=planned.n)

    await epic.began.decide("rollback", to=2)
    assert (await epic.go()).step == "plan_gate"
