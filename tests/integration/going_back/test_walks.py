"""Random walks through the time of epics: whatever is done, nothing that was is lost or changed."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.fakes.editing import EDITS
from tests.fakes.walking import FILES, Walk, script_for
from tests.fakes.witness import Witness
from timemachine.workspace import open_workspace

WALKS = int(os.environ.get("GENIE_TEST_WALKS", "6"))
"""How many long walks there are, and where they begin."""
SEED = int(os.environ.get("GENIE_TEST_SEED", "20261121"))


@pytest.fixture
def small_repo(git_repo):
    """The repository that walks begin in, for the epics of this module."""
    return git_repo(FILES)


@pytest.fixture
def set_out(travel, story, tmp_path):
    """Makes walks, each with an epic of its own."""

    async def make(seed: int, **wanted: Any) -> Walk:
        folder = tmp_path / "walk"
        folder.mkdir()
        epic = await travel(script_for(story, folder))
        installation = epic.engine._installation
        workspace = await open_workspace(installation.home, str(epic.began.repo), installation.git_environment)
        witness = Witness(mirror=workspace.mirror, repo=epic.began.repo, folder=folder, ask=epic.began.rows)
        witness.plant("notes.txt", b"in no commit\r\n")
        witness.plant("build/cache.o", b"\0ignored")
        witness.plant("kinds/mine.txt", b"beside Genie's files\n")
        return Walk(seed=seed, folder=folder, witness=witness, epics=[epic], **wanted)

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    "kinds", [pytest.param([*EDITS] * 2, id="every kind"), pytest.param(["large"], id="50 MB", marks=pytest.mark.faults)]
)
async def test_what_an_agent_did_to_files_is_there_again_after_going_back(set_out, kinds):
    walk = await set_out(0)
    (epic,), witness = walk.epics, walk.witness
    walk.order(kinds, most=len(kinds))
    assert (await epic.go("approve")).step == "merge_gate"
    worked = await epic.moment_after("implement")
    await witness.look(thoroughly=True, stepped=epic.id)
    witness.collect()

    await epic.back(to=1)
    await witness.look(thoroughly=True)
    before = (await epic.engine.moments(epic.id))[-1]
    await epic.back(to=worked.n)
    witness.collect()
    await witness.look(thoroughly=True)

    listed = json.loads((walk.folder / "manifests" / f"{epic.id}-{worked.attempt}.json").read_text())
    assert witness.trees[worked.tree] == listed == await witness.files_of((await epic.engine.epic(epic.id)).head)
    assert await witness.files_of(before.commit) == witness.trees[before.tree] != listed
    assert (await epic.resume("approve")).status == "merged"
    await witness.look(thoroughly=True, stepped=epic.id)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_way_an_epic_takes_nothing_that_was_is_lost_or_changed(set_out, seed):
    walk = await set_out(seed)

    await walk.go(deeds=30)

    assert len(walk.did) == 30


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(SEED, SEED + WALKS))
async def test_on_long_ways_nothing_that_was_is_lost_or_changed(set_out, seed):
    walk = await set_out(seed, large=seed % 4 == 0, thorough=True)

    await walk.go(deeds=40)

    assert len(walk.did) == 40
