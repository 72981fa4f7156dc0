"""What a work tree borrows from the user's checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from epics.errors import PathRefused
from tools.environment import prepare_environment


async def ignored(_: str) -> bool:
    return True


async def tracked(_: str) -> bool:
    return False


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    for name, text in {
        "node_modules/left/index.js": "left",
        "node_modules/@our/shared/index.js": "shared",
        "node_modules/.bin/run": "#!/bin/sh\n",
        "packages/own/index.js": "of the checkout",
        ".venv/.gitignore": "*\n",
        ".venv/pyvenv.cfg": "home = /usr\n",
        ".env.test": "PORT=1\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "node_modules" / "own").symlink_to("../packages/own")
    return root


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "packages" / "own").mkdir(parents=True)
    (root / "packages" / "own" / "index.js").write_text("of the tree")
    return root


async def test_a_folder_is_borrowed_entry_by_entry(checkout, tree):
    [made] = await prepare_environment(tree, checkout, ["node_modules"], is_ignored=ignored)

    assert made.made
    assert not (tree / "node_modules").is_symlink()
    assert (tree / "node_modules" / "left" / "index.js").read_text() == "left"
    assert (tree / "node_modules" / "@our" / "shared" / "index.js").read_text() == "shared"
    assert not (tree / "node_modules" / "@our").is_symlink()


async def test_what_is_added_to_a_borrowed_folder_does_not_reach_the_checkout(checkout, tree):
    await prepare_environment(tree, checkout, ["node_modules"], is_ignored=ignored)

    (tree / "node_modules" / "new").mkdir()
    (tree / "node_modules" / "left").unlink()

    assert sorted(path.name for path in (checkout / "node_modules").iterdir()) == [".bin", "@our", "left", "own"]
    assert (checkout / "node_modules" / "left" / "index.js").exists()


async def test_a_package_of_the_workspace_is_that_of_the_tree(checkout, tree):
    await prepare_environment(tree, checkout, ["node_modules"], is_ignored=ignored)

    assert (tree / "node_modules" / "own" / "index.js").read_text() == "of the tree"


async def test_the_list_of_ignored_files_in_a_folder_is_copied_since_git_follows_no_link_to_it(checkout, tree):
    await prepare_environment(tree, checkout, [".venv"], is_ignored=ignored)

    assert not (tree / ".venv" / ".gitignore").is_symlink()
    assert (tree / ".venv" / "pyvenv.cfg").is_symlink()


async def test_a_file_is_copied(checkout, tree):
    [made] = await prepare_environment(tree, checkout, [".env.test"], is_ignored=ignored)

    assert made.note == "a copy"
    assert (tree / ".env.test").read_text() == "PORT=1\n"
    assert not (tree / ".env.test").is_symlink()


@pytest.mark.parametrize("link", ["node_modules", ".env.test"])
async def test_what_git_would_take_for_work_is_taken_away_again(checkout, tree, link):
    before = sorted(checkout.rglob("*"))

    [left] = await prepare_environment(tree, checkout, [link], is_ignored=tracked)

    assert not left.made
    assert "add it to .gitignore" in left.note
    assert not (tree / link).exists()
    assert sorted(checkout.rglob("*")) == before


async def test_git_sees_nothing_of_what_was_borrowed(checkout, tree):
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}

    def git(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *args], cwd=tree, env=env, capture_output=True, text=True, check=False)

    async def is_ignored(path: str) -> bool:
        return git("check-ignore", "--quiet", "--no-index", "--", path).returncode == 0

    git("init", "--quiet")
    (tree / ".gitignore").write_text("node_modules/\n")

    made = await prepare_environment(tree, checkout, ["node_modules", ".venv", ".env.test"], is_ignored=is_ignored)

    assert [each.made for each in made] == [True, True, False]
    assert git("status", "--porcelain", "--untracked-files=all").stdout.split() == ["??", ".gitignore", "??", "packages/own/index.js"]


async def test_git_is_asked_about_an_entry_of_the_folder(checkout, tree):
    asked: list[str] = []

    async def remember(path: str) -> bool:
        asked.append(path)
        return True

    await prepare_environment(tree, checkout, [".venv", ".env.test"], is_ignored=remember)

    assert asked == [".venv/.gitignore", ".env.test"]


async def test_what_the_tree_has_or_the_checkout_lacks_is_left_alone(checkout, tree):
    left = await prepare_environment(tree, checkout, ["packages", "vendor"], is_ignored=ignored)

    assert [(each.made, each.note) for each in left] == [(False, "the work tree has one"), (False, "the checkout has none")]


async def test_without_a_checkout_nothing_is_borrowed(tree):
    [left] = await prepare_environment(tree, None, ["node_modules"], is_ignored=ignored)

    assert not left.made


@pytest.mark.parametrize("link", ["../outside", "/etc", "", ".git/hooks", "out/inner", "loop"])
async def test_a_path_that_leads_out_is_refused(checkout, tree, tmp_path, link):
    outside = tmp_path / "outside" / "inner"
    outside.mkdir(parents=True)
    (checkout / "out").symlink_to(tmp_path / "outside")
    (checkout / "loop").symlink_to("loop")

    with pytest.raises(PathRefused, match="cannot be borrowed"):
        await prepare_environment(tree, checkout, [link], is_ignored=ignored)


async def test_nothing_is_made_through_a_link_in_the_tree_that_leads_out(checkout, tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tree / "web").symlink_to(tmp_path / "elsewhere")
    (checkout / "web" / "node_modules" / "x").mkdir(parents=True)

    with pytest.raises(PathRefused, match="out of the work tree"):
        await prepare_environment(tree, checkout, ["web/node_modules"], is_ignored=ignored)

    assert list(Path(tmp_path / "elsewhere").iterdir()) == []


async def test_a_folder_that_is_to_be_copied_is_copied_whole(checkout, tree, tmp_path):
    (checkout / "packages" / "own" / "beside.js").symlink_to("index.js")
    (checkout / "packages" / "own" / "outside.js").symlink_to(tmp_path)

    [made] = await prepare_environment(tree, checkout, [], copies=["node_modules"], is_ignored=ignored)

    assert (made.made, made.note) == (True, "a copy")
    (tree / "node_modules" / "left" / "index.js").write_text("changed")
    assert (checkout / "node_modules" / "left" / "index.js").read_text() == "left"


async def test_a_link_that_leads_out_of_the_checkout_is_not_copied(checkout, tree, tmp_path):
    (checkout / "conf" / "deep").mkdir(parents=True)
    (checkout / "conf" / "deep" / "a.ini").write_text("a")
    (checkout / "conf" / "inside").symlink_to("deep/a.ini")
    (checkout / "conf" / "outside").symlink_to(tmp_path)
    (checkout / "conf" / "up").symlink_to("../../..")

    await prepare_environment(tree, checkout, [], copies=["conf"], is_ignored=ignored)

    assert sorted(path.name for path in (tree / "conf").iterdir()) == ["deep", "inside"]


async def test_a_copy_that_git_would_take_for_work_is_taken_away_again(checkout, tree):
    [left] = await prepare_environment(tree, checkout, [], copies=["node_modules"], is_ignored=tracked)

    assert "add it to .gitignore" in left.note
    assert not (tree / "node_modules").exists()
