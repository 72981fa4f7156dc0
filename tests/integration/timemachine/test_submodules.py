"""Submodules in work trees: their files are there, their commit is the work, and no address of theirs leads astray."""

from __future__ import annotations

import pytest

from timemachine.mirrors import open_mirror
from timemachine.snapshots import snapshot
from timemachine.submodules import empty_submodules, fill_submodules
from timemachine.worktrees import add_worktree

LOCAL = ("-c", "protocol.file.allow=always")


@pytest.fixture
def mirror_of(home, env):
    return lambda repo: open_mirror(home, str(repo), env)


@pytest.fixture
def part(git_repo):
    return git_repo({"lib.py": "one\n", "deep/more.py": "two\n", ".gitignore": "*.o\n"}, name="part")


@pytest.fixture
def outer(git_repo, git, part):
    outer = git_repo(name="outer")
    git(outer, *LOCAL, "submodule", "--quiet", "add", f"../{part.name}", "vendor/part")
    git(outer, "commit", "--quiet", "--message", "Add a part")
    return outer


@pytest.fixture
async def tree(outer, git, mirror_of, home):
    base = git(outer, "rev-parse", "HEAD")
    made = await mirror_of(outer)
    await made.fetch_base("main")
    return await add_worktree(made, home / "worktrees" / "e" / "e-1", base), base


async def test_the_files_of_a_submodule_are_there_and_are_no_work(tree, home, signature):
    worktree, base = tree

    [filled] = await fill_submodules(worktree, base, home)

    assert filled.done, filled.note
    assert (worktree.path / "vendor/part/deep/more.py").read_text() == "two\n"
    assert not (worktree.path / "vendor/part/.git").exists()
    (worktree.path / "new.txt").write_text("work\n")
    taken = await snapshot(worktree, signature=signature, message="work\n")
    assert taken.files == ("new.txt",)


async def test_without_the_persons_copy_it_comes_from_its_address(tree, home, outer):
    worktree, base = tree
    (outer / ".git" / "modules").rename(outer / ".git" / "away")

    [filled] = await fill_submodules(worktree, base, home)

    assert filled.done, filled.note
    assert (worktree.path / "vendor/part/lib.py").exists()


async def test_what_was_filled_is_taken_away_again_with_what_it_ignores(tree, home):
    worktree, base = tree
    await fill_submodules(worktree, base, home)
    (worktree.path / "vendor/part/deep/made.o").write_text("made")

    await empty_submodules(worktree, base, home)

    assert list((worktree.path / "vendor/part").iterdir()) == []


@pytest.mark.parametrize("name", ["lib.py", "deep/new.py"])
async def test_files_of_a_submodule_that_somebody_changed_stay(tree, home, name):
    worktree, base = tree
    await fill_submodules(worktree, base, home)
    (worktree.path / "vendor/part" / name).write_text("changed\n")

    await empty_submodules(worktree, base, home)

    assert (worktree.path / "vendor/part" / name).read_text() == "changed\n"


async def test_another_commit_of_a_submodule_is_a_change(tree, home, git, part, signature):
    worktree, base = tree
    await fill_submodules(worktree, base, home)
    (part / "lib.py").write_text("newer\n")
    git(part, "commit", "--quiet", "-am", "Newer")
    newer = git(part, "rev-parse", "HEAD")

    git(worktree.path, "update-index", "--cacheinfo", f"160000,{newer},vendor/part")
    taken = await snapshot(worktree, signature=signature, message="newer\n")

    assert taken.files == ("vendor/part",)


HOSTILE = {
    "a_program": "ext::sh -c touch% {marker}",
    "an_option": "--upload-pack=touch {marker}",
    "a_login": "https://user:word@example.org/part.git",
    "the_metadata_service": "http://169.254.169.254/part.git",
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
async def test_an_address_that_genie_does_not_open_is_not_opened(git_repo, git, part, mirror_of, home, tmp_path, kind):
    marker = tmp_path / "marker"
    url = HOSTILE[kind].format(marker=marker)
    outer = git_repo({".gitmodules": f'[submodule "part"]\n\tpath = part\n\turl = "{url}"\n'}, name="hostile")
    git(outer, "update-index", "--add", "--cacheinfo", f"160000,{git(part, 'rev-parse', 'HEAD')},part")
    git(outer, "commit", "--quiet", "--message", "Add a part")
    made = await mirror_of(outer)
    await made.fetch_base("main")
    base = git(outer, "rev-parse", "HEAD")
    worktree = await add_worktree(made, home / "worktrees" / "e" / "e-1", base)

    [filled] = await fill_submodules(worktree, base, home)

    assert not filled.done
    assert not marker.exists()
    assert list((worktree.path / "part").iterdir()) == []


async def test_an_address_that_the_work_changed_is_not_asked(tree, home, git, outer):
    worktree, base = tree
    git(outer, "config", "--file", ".gitmodules", "submodule.vendor/part.url", "https://example.invalid/other.git")
    git(outer, "commit", "--quiet", "-am", "Lead elsewhere")
    await worktree.mirror.fetch_base("main")
    changed = await add_worktree(worktree.mirror, home / "worktrees" / "e" / "e-2", git(outer, "rev-parse", "HEAD"))

    [filled] = await fill_submodules(changed, base, home)

    assert filled.done, filled.note


async def test_a_link_in_the_place_of_a_submodule_is_not_followed(tree, home, tmp_path):
    worktree, base = tree
    (tmp_path / "elsewhere").mkdir()
    (worktree.path / "vendor/part").rmdir()
    (worktree.path / "vendor/part").symlink_to(tmp_path / "elsewhere")

    [filled] = await fill_submodules(worktree, base, home)

    assert not filled.done
    assert list((tmp_path / "elsewhere").iterdir()) == []
