"""Random walks through the time of epics: whatever is done, nothing that was is lost or changed."""

from __future__ import annotations

import os

import pytest

from tests.fakes.walking import FILES, Walk, script_for
from tests.fakes.witness import Witness
from timemachine.workspace import open_workspace

WALKS = int(os.environ.get("GENIE_TEST_WALKS", "12"))
"""How many long walks there are, and where they begin."""
SEED = int(os.environ.get("GENIE_TEST_SEED", "20261121"))


@pytest.fixture
def small_repo(git_repo):
    """The repository that walks begin in, for the epics of this module."""
    return git_repo(FILES)


@pytest.fixture
def set_out(travel, story, tmp_path):
    """Makes walks, each with an epic of its own."""

    async def make(seed: int, **wanted: bool) -> Walk:
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
