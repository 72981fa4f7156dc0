"""merge: landed once, brought in where the base has moved, told where it cannot be."""

from __future__ import annotations

import pytest

from epics.state import Ended, EpicState
from epics.steps import Step
from epics.verdicts import PullRequest
from nodes.context import Landing
from tests.fakes.ports import FakeRepository, context, step

PULL = PullRequest(title="Greet people", body="It greets.", base="main", base_commit="base", head="head", branch="genie/b")


def ready(**more: object) -> EpicState:
    values = {"step": Step.MERGE, "base": "base", "head": "head", "branch": "genie/b", "pull_request": PULL}
    return EpicState.model_validate({**values, **more})


@pytest.mark.parametrize("how", ["merged", "already"])
async def test_work_that_is_in_the_base_branch_ends_the_epic(how):
    repository = FakeRepository(landings=[Landing.model_validate({"how": how, "commit": "c" * 40})])

    after = await step(Step.MERGE, ready(), context(repository=repository))

    assert after.ended is Ended.MERGED
    assert repository.landed == [("head", "base", "Greet people\n\nGenie-Epic: e-0000000001\n")]
    assert after.last is not None
    assert after.last.note == f"merged to main at {'c' * 12}"


async def test_a_base_that_moved_is_brought_in_and_tested_again():
    repository = FakeRepository(landings=[Landing(how="base_moved", commit="newer")])

    after = await step(Step.MERGE, ready(rounds={Step.FIX: 3}), context(repository=repository))

    assert repository.brought == [("head", "newer")]
    assert (after.step, after.base, after.head, after.branch, after.ended) == (Step.TEST, "newer", "head+newer", "genie/b", None)
    assert after.rounds == {Step.FIX: 0}
    assert after.last is not None
    assert (after.last.outcome, after.last.tree) == ("done", "merged")


async def test_a_base_that_conflicts_is_fixed_first():
    repository = FakeRepository(landings=[Landing(how="base_moved", commit="newer")], conflicts=("a.py", "b.py"))

    after = await step(Step.MERGE, ready(), context(repository=repository))

    assert (after.step, after.head, after.conflicts) == (Step.FIX, "head+newer", ("a.py", "b.py"))
    assert after.last is not None
    assert after.last.note.endswith("with conflicts in a.py, b.py")


@pytest.mark.parametrize("how", ["target_dirty", "refused"])
async def test_a_merge_that_cannot_be_made_goes_back_to_the_gate_and_says_why(how):
    repository = FakeRepository(landings=[Landing.model_validate({"how": how, "detail": "repo: a.py is changed"})])

    after = await step(Step.MERGE, ready(), context(repository=repository))

    assert (after.step, after.ended, after.head, after.base) == (Step.MERGE_GATE, None, "head", "base")
    assert after.notice == "The merge was not made: repo: a.py is changed. When that is put right, approve again."
    assert after.last is not None
    assert after.last.outcome == "failed"
