"""A work tree per attempt, found again after a crash, never lost."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from epics.errors import Conflict, GitFailed, InvalidInput
from timemachine.commits import commit_tree, tree_of
from timemachine.removals import remove_worktree
from timemachine.restores import restore_paths
from timemachine.snapshots import snapshot
from timemachine.workspace import attempt_branch, open_workspace
from timemachine.worktrees import add_worktree, find_worktree

NO_COMMIT = "0" * 39 + "1"


async def test_a_work_tree_has_the_files_of_its_commit_and_is_at_no_branch(worktree, base, git):
    assert (worktree.path / "src" / "lamp.py").read_text() == "ON = False\n"
    assert await worktree.head() == base
    assert git(worktree.path, "status", "--porcelain=v1", "--branch") == "## HEAD (no branch)"


async def test_five_work_trees_are_made_at_once(mirror, home, base):
    paths = [home / "worktrees" / f"e-{n}" / f"e-{n}-1" for n in range(5)]

    made = await asyncio.gather(*(add_worktree(mirror, path, base) for path in paths))

    assert len({tree.admin for tree in made}) == 5
    assert all((path / "src" / "wire.py").is_file() for path in paths)


async def test_work_trees_of_one_last_name_are_kept_apart(mirror, tmp_path, base):
    made = [await add_worktree(mirror, tmp_path / parent / "same", base) for parent in "abc"]

    assert len({tree.admin for tree in made}) == 3
    assert find_worktree(mirror, tmp_path / "b" / "same") == made[1]


async def test_asked_again_the_same_work_tree_is_given_with_the_work_in_it(mirror, worktree, base):
    (worktree.path / "new.py").write_text("x\n")

    again = await add_worktree(mirror, worktree.path, base)

    assert again == worktree
    assert (again.path / "new.py").read_text() == "x\n"


async def test_a_work_tree_with_commits_of_the_attempt_is_adopted(mirror, worktree, base, git):
    git(worktree.path, "commit", "--quiet", "--allow-empty", "-m", "Of the attempt")

    again = await add_worktree(mirror, worktree.path, base)

    assert await again.head() == git(worktree.path, "rev-parse", "HEAD") != base


async def test_a_work_tree_of_another_commit_is_set_aside_with_all_that_is_in_it(mirror, worktree, base, signature, git):
    (worktree.path / "new.py").write_text("x\n")
    other = await commit_tree(mirror.git, await tree_of(mirror.git, base), (), "Elsewhere", signature)

    fresh = await add_worktree(mirror, worktree.path, other)

    aside = worktree.path.with_name(f"{worktree.path.name}.aside-1")
    assert (aside / "new.py").read_text() == "x\n"
    assert git(aside, "rev-parse", "HEAD") == base
    assert git(aside, "status", "--porcelain") == "?? new.py"
    assert await fresh.head() == other
    assert not (fresh.path / "new.py").exists()


async def test_a_stray_directory_is_set_aside(mirror, tmp_path, base):
    stray = tmp_path / "trees" / "e-1-1"
    for text in ("first", "second"):
        stray.mkdir(parents=True)
        (stray / "precious").write_text(text)
        await add_worktree(mirror, stray, base)
        stray.rename(tmp_path / f"moved-{text}")

    assert [(tmp_path / "trees" / f"e-1-1.aside-{n}" / "precious").read_text() for n in (1, 2)] == ["first", "second"]


async def test_a_link_in_its_place_is_set_aside_and_not_followed(mirror, tmp_path, base):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tree").symlink_to(tmp_path / "elsewhere")

    made = await add_worktree(mirror, tmp_path / "tree", base)

    assert not made.path.is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "tree.aside-1").is_symlink()


async def test_a_work_tree_whose_making_was_killed_is_set_aside_and_made_anew(mirror, worktree, base):
    (worktree.admin / "index").rename(worktree.admin / "index.lock")
    (worktree.admin / "locked").write_text("initializing")
    (worktree.path / "README.md").unlink()

    again = await add_worktree(mirror, worktree.path, base)

    assert (again.path / "README.md").is_file()
    assert again.admin != worktree.admin
    assert worktree.path.with_name(f"{worktree.path.name}.aside-1").is_dir()


async def test_an_entry_without_a_directory_is_no_hindrance_and_its_commit_is_kept(mirror, worktree, base, git):
    git(worktree.path, "commit", "--quiet", "--allow-empty", "-m", "Of the attempt")
    commit = git(worktree.path, "rev-parse", "HEAD")
    (worktree.admin / "locked").write_text("initializing")
    shutil.rmtree(worktree.path)

    again = await add_worktree(mirror, worktree.path, base)

    assert await again.head() == base
    assert f"refs/genie/keep/{commit}" in await mirror.git.run("for-each-ref", "--format=%(refname)")


async def test_an_attempt_that_puts_another_repository_in_its_place_is_not_believed(mirror, worktree, base, git):
    (worktree.path / ".git").unlink()
    git(worktree.path, "init", "--quiet")

    again = await add_worktree(mirror, worktree.path, base)

    assert again.admin != worktree.admin
    assert worktree.path.with_name(f"{worktree.path.name}.aside-1").is_dir()


async def test_a_commit_that_is_not_there_is_told(mirror, tmp_path):
    with pytest.raises(GitFailed, match="worktree add"):
        await add_worktree(mirror, tmp_path / "tree", NO_COMMIT)


async def test_a_work_tree_is_removed_when_all_of_it_is_in_the_commit(worktree, signature):
    (worktree.path / "new.py").write_text("x\n")
    (worktree.path / "noise.log").write_text("ignored\n")
    taken = await snapshot(worktree, signature=signature, message="Work")

    await remove_worktree(worktree, taken.commit)
    await remove_worktree(worktree, taken.commit)

    assert not worktree.path.exists()
    assert not worktree.admin.exists()
    assert await worktree.mirror.git.run("cat-file", "-p", f"{taken.commit}:new.py") == "x"


async def test_a_work_tree_with_work_in_it_is_not_removed(worktree, base):
    (worktree.path / "new.py").write_text("x\n")

    with pytest.raises(Conflict, match=r"stays: new\.py would be lost"):
        await remove_worktree(worktree, base)
    assert (worktree.path / "new.py").exists()


async def test_a_work_tree_with_commits_of_its_own_is_not_removed(worktree, base, git):
    git(worktree.path, "commit", "--quiet", "--allow-empty", "-m", "Of the attempt")

    with pytest.raises(Conflict, match="is not in"):
        await remove_worktree(worktree, base)


async def test_a_work_tree_with_a_repository_in_it_is_not_removed(worktree, signature, git):
    git(worktree.path, "init", "--quiet", "inner")
    (worktree.path / "inner" / "a.py").write_text("a\n")
    taken = await snapshot(worktree, signature=signature, message="Work")

    with pytest.raises(Conflict, match="inner would be lost"):
        await remove_worktree(worktree, taken.commit)


async def test_configuration_is_put_back_to_the_base(git_repo, home, env, git):
    repo = git_repo(
        {
            "CLAUDE.md": "Be kind.\n",
            ".claude/settings.json": "{}\n",
            ".claude/deep/er.md": "x\n",
            ".gitignore": "*.local.json\n",
            "a.py": "a\n",
        }
    )
    space = await open_workspace(home, str(repo), env)
    base = await space.mirror.fetch_base("main")
    tree = await add_worktree(space.mirror, space.worktree_path("e-1", 1), base)
    (tree.path / "CLAUDE.md").write_text("Obey.\n")
    (tree.path / ".claude" / "settings.json").unlink()
    (tree.path / ".claude" / "settings.local.json").write_text('{"permissions": "all"}\n')
    (tree.path / ".mcp.json").write_text("{}\n")
    (tree.path / ".husky").mkdir()
    (tree.path / ".husky" / "pre-commit").write_text("rm -rf /\n")
    (tree.path / "a.py").write_text("b\n")

    changed = await restore_paths(tree, base, [".claude", "CLAUDE.md", ".mcp.json", ".husky", "genie.toml"])

    assert set(changed) == {".claude/settings.json", ".claude/settings.local.json", ".husky/pre-commit", ".mcp.json", "CLAUDE.md"}
    assert git(tree.path, "status", "--porcelain", "--ignored") == "M a.py"
    assert (tree.admin / "set-aside" / "settings.local.json.aside-1").read_text() == '{"permissions": "all"}\n'


async def test_configuration_that_is_as_it_was_is_left_alone(worktree, base):
    before = (worktree.path / "README.md").stat().st_mtime_ns

    assert await restore_paths(worktree, base, ["README.md", ".claude", "src"]) == ()
    assert (worktree.path / "README.md").stat().st_mtime_ns == before


async def test_putting_back_does_not_write_through_links(git_repo, home, env, tmp_path):
    repo = git_repo({".claude/settings.json": "{}\n"})
    space = await open_workspace(home, str(repo), env)
    base = await space.mirror.fetch_base("main")
    tree = await add_worktree(space.mirror, space.worktree_path("e-1", 1), base)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "settings.json").write_text("mine\n")
    (outside / "other.json").write_text("mine\n")
    shutil.rmtree(tree.path / ".claude")
    (tree.path / ".claude").symlink_to(outside)

    await restore_paths(tree, base, [".claude/settings.json", ".claude/other.json"])

    assert not (tree.path / ".claude").is_symlink()
    assert (tree.path / ".claude" / "settings.json").read_text() == "{}\n"
    assert (outside / "settings.json").read_text() == (outside / "other.json").read_text() == "mine\n"


async def test_what_a_link_of_the_base_leads_to_is_put_back_too(git_repo, home, env, git):
    repo = git_repo({"AGENTS.md": "Be kind.\n"})
    (repo / "CLAUDE.md").symlink_to("AGENTS.md")
    (repo / "loop").symlink_to("loop")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "Link")
    space = await open_workspace(home, str(repo), env)
    base = await space.mirror.fetch_base("main")
    tree = await add_worktree(space.mirror, space.worktree_path("e-1", 1), base)
    (tree.path / "AGENTS.md").write_text("Obey.\n")

    assert await restore_paths(tree, base, ["CLAUDE.md", "loop"]) == ("AGENTS.md",)
    assert (tree.path / "CLAUDE.md").read_text() == "Be kind.\n"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ".git", "a/.GIT/config", "", "."])
async def test_a_path_out_of_the_tree_is_refused(worktree, base, path):
    with pytest.raises(InvalidInput, match="is not a path inside"):
        await restore_paths(worktree, base, [path])


async def test_the_name_of_an_attempts_branch_says_whose_it_is():
    assert attempt_branch("e-0123456789", "implement", 2) == "genie/e-0123456789/implement/attempt_2"
