"""Work trees of agents that obey somebody else: whatever stands in them, no program of theirs is run by looking, keeping or merging."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from epics.errors import Conflict
from tests.fakes.injected import ATTACKS, owned_program, poison
from timemachine.diffs import changed_paths, diff_stat, diff_text, read_file_at
from timemachine.ignores import is_ignored
from timemachine.landing import Landed, land
from timemachine.links import link_again
from timemachine.merges import bring_in, leftover_conflict_markers, merge_preview
from timemachine.mirrors import protect
from timemachine.own_refs import list_own_refs
from timemachine.recovery import restore_worktree
from timemachine.remains import holding_commit, left_trees, shelved_is_whole, shelved_trees
from timemachine.removals import remove_worktree
from timemachine.restores import restore_paths
from timemachine.scratch import files_now, put_files
from timemachine.shelf import ready_worktree
from timemachine.snapshots import snapshot, unsaved_paths
from timemachine.worktrees import add_worktree, find_worktree


@pytest.fixture
def repo(git_repo, git):
    """A repository with code, tests, and a submodule that nobody has filled."""
    made = git_repo(
        {
            "README.md": "A lamp.\n",
            "src/lamp.py": "ON = False\n",
            "src/wire.py": "LENGTH = 3\n",
            ".gitignore": "*.log\n",
            ".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = https://example.org/lib.git\n',
        }
    )
    git(made, "update-index", "--add", "--cacheinfo", f"160000,{git(made, 'rev-parse', 'HEAD')},lib")
    git(made, "commit", "--quiet", "--message", "Use lib")
    (made / "lib").mkdir()
    return made


@pytest.fixture
def owned(tmp_path, env):
    """What no git of ours may run; the person's own home, which an agent of theirs could write, names it too."""
    made = owned_program(tmp_path / "evil")
    (Path(env["HOME"]) / ".gitconfig").write_text(
        f'[core]\n\tfsmonitor = {made.program}\n\thooksPath = /nowhere\n[filter "x"]\n\tclean = {made.program}\n\tsmudge = {made.program}\n'
    )
    return made


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_program_of_the_tree_is_run_by_keeping_it(attack, worktree, owned, base, signature):
    ATTACKS[attack](worktree.path, owned)
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")

    taken = await snapshot(worktree, signature=signature, message="Work")
    await protect(worktree.mirror, taken.commit)
    await changed_paths(worktree.mirror, base, taken.commit)
    await diff_stat(worktree.mirror, base, taken.commit)
    await diff_text(worktree.mirror, base, taken.commit)
    await is_ignored(worktree, "src/some.log")
    await unsaved_paths(worktree, taken.commit)
    await restore_paths(worktree, base, (".claude", "CLAUDE.md", ".gitmodules", "lib"))
    await files_now(worktree)

    assert owned.was_run() == ""
    assert "src/lamp.py" in taken.files


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_program_of_the_tree_is_run_by_going_on_from_it(attack, worktree, owned, mirror, home, base, signature):
    ATTACKS[attack](worktree.path, owned)
    taken = await snapshot(worktree, signature=signature, message="Work")
    await protect(mirror, taken.commit)

    again = await restore_worktree(mirror, worktree.path, files=taken.commit, head=base, signature=signature)
    rest = await snapshot(again, signature=signature, message="Left")
    with suppress(Conflict):
        await remove_worktree(again, rest.commit)
    for place in (*left_trees(mirror, worktree.path.parent), *shelved_trees(mirror)):
        await holding_commit(mirror, place.path, (rest.commit, taken.commit))
        await shelved_is_whole(mirror, place.path)
    following = await ready_worktree(mirror, home / "worktrees" / "e-1" / "e-1-2", taken.commit)
    await put_files(following, base)
    (following.path / "src" / "new.py").write_text("new = 1\n")
    await snapshot(following, signature=signature, message="Next")

    assert owned.was_run() == ""


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_program_of_the_tree_is_run_by_putting_it_away_and_landing_it(attack, worktree, owned, home, base, signature):
    mirror = worktree.mirror
    ATTACKS[attack](worktree.path, owned)
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    taken = await snapshot(worktree, signature=signature, message="Work")

    with suppress(Conflict):
        await remove_worktree(worktree, taken.commit)
    for place in (*left_trees(mirror, worktree.path.parent), *shelved_trees(mirror)):
        await holding_commit(mirror, place.path, (taken.commit,))
        await shelved_is_whole(mirror, place.path)
    other = await add_worktree(mirror, home / "worktrees" / "e-2" / "e-2-1", base)
    (other.path / "src" / "lamp.py").write_text("ON = None\n")
    moved = await snapshot(other, signature=signature, message="Moved")
    await merge_preview(mirror, taken.commit, moved.commit)
    brought = await bring_in(mirror, taken.commit, moved.commit, signature)
    await leftover_conflict_markers(mirror, brought.commit, brought.conflicts)
    landed = await land(mirror, base_branch="main", head=taken.commit, expected_base=base, message="Merge", signature=signature)

    assert owned.was_run() == ""
    assert landed == Landed(commit=taken.commit, how="ff")
    assert (Path(mirror.location) / "src" / "lamp.py").read_text() == "ON = True\n"


async def test_a_submodule_that_is_filled_is_kept_from_the_shelf_and_from_removal(worktree, owned, signature):
    ATTACKS["a_submodule_whose_list_is_gone"](worktree.path, owned)
    taken = await snapshot(worktree, signature=signature, message="Work")

    with pytest.raises(Conflict, match="lib would be lost"):
        await remove_worktree(worktree, taken.commit)

    assert (worktree.path / "lib" / "inside.py").is_file()


LINKS = [name for name in ATTACKS if "link" in name and name != "links_out_of_the_tree"]


@pytest.mark.parametrize("attack", LINKS)
async def test_a_link_of_its_own_is_set_aside_and_ours_is_back(attack, worktree, owned, mirror):
    ATTACKS[attack](worktree.path, owned)

    assert link_again(worktree.path, worktree.admin) is True
    assert link_again(worktree.path, worktree.admin) is False
    assert find_worktree(mirror, worktree.path) == worktree
    assert (attack == "no_link_at_all") != (worktree.admin / "set-aside").is_dir()


@pytest.mark.parametrize("attack", LINKS)
async def test_a_crash_does_not_lose_work_for_a_link_of_its_own(attack, worktree, owned, mirror, base, signature):
    ATTACKS[attack](worktree.path, owned)
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")

    again = await restore_worktree(mirror, worktree.path, files=base, head=base, signature=signature)

    assert again.path.joinpath("src/lamp.py").read_text() == "ON = False\n"
    kept = [ref.commit for ref in await list_own_refs(mirror) if ref.name.startswith("refs/genie/keep/")]
    assert b"ON = True\n" in [await read_file_at(mirror, commit, "src/lamp.py") for commit in kept]


async def test_what_an_agent_does_to_the_mirror_by_git_runs_nothing(worktree, owned, mirror, git, base, signature):
    tree = worktree.path
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "core.sshCommand", "diff.external", "uploadpack.packObjectsHook"):
        git(tree, "config", name, str(owned.program))
    git(tree, "config", "extensions.worktreeConfig", "true")
    git(tree, "config", "--worktree", "filter.x.smudge", str(owned.program))
    poison(tree / "own", owned.program)
    (mirror.path / "info").mkdir(exist_ok=True)
    (mirror.path / "info" / "attributes").write_text("* filter=x diff=x\n")
    (mirror.path / "hooks").mkdir(exist_ok=True)
    (tree / "own" / "hooks" / "post-index-change").rename(mirror.path / "hooks" / "post-index-change")
    (tree / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (tree / "src" / "lamp.py").write_text("ON = True\n")
    (worktree.admin / "commondir").write_text(f"{tree / 'own'}\n")

    await put_files(worktree, base)
    (tree / "src" / "lamp.py").write_text("ON = True\n")
    taken = await snapshot(worktree, signature=signature, message="Work")
    await diff_text(mirror, base, taken.commit)

    assert owned.was_run() == ""
    assert taken.files == ("src/lamp.py",)
