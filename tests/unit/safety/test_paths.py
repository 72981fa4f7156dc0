"""Paths stay in the work tree, and globs mean what people read in them."""

from __future__ import annotations

import pytest

from epics.errors import PathRefused
from safety.paths import confine, matches, violations


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "src" / "app.py").write_text("x = 1\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("s\n")
    return root


@pytest.mark.parametrize("path", ["src/app.py", "./src/app.py", "new/deep/file.txt", ".", ".gitignore", ".github/x.yml", "src//app.py"])
def test_a_path_inside_the_tree_is_given_back_whole(tree, path):
    found = confine(tree, path)

    assert found == (tree / path).resolve()


def test_an_absolute_path_inside_the_tree_is_taken(tree):
    assert confine(tree, str(tree / "src" / "app.py")) == tree / "src" / "app.py"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a\0b",
        "..",
        "../outside/secret.txt",
        "src/../../outside",
        "src/../app.py",
        "/etc/passwd",
        ".git",
        ".git/config",
        ".GIT/hooks/x",
        "sub/.Git/config",
        ".git./config",
        ".git /config",
        "git~1/config",
        ".git::$INDEX_ALLOCATION/config",
        ".g\u200cit/config",
    ],
)
def test_a_path_that_leads_out_or_into_git_is_refused(tree, path):
    with pytest.raises(PathRefused):
        confine(tree, path)


@pytest.mark.parametrize("path", ["link/secret.txt", "last", "dangling", "src/up", "chain"])
def test_a_link_out_of_the_tree_is_refused_at_every_component(tree, path):
    (tree / "link").symlink_to(tree.parent / "outside")
    (tree / "last").symlink_to(tree.parent / "outside" / "secret.txt")
    (tree / "dangling").symlink_to(tree.parent / "not-there")
    (tree / "src" / "up").symlink_to("../../outside")
    (tree / "chain").symlink_to("link/secret.txt")

    with pytest.raises(PathRefused, match="symbolic link"):
        confine(tree, path)


def test_a_link_to_gits_own_files_is_refused(tree):
    (tree / "innocent").symlink_to(".git")

    with pytest.raises(PathRefused, match="git's own"):
        confine(tree, "innocent/config")


def test_a_link_inside_the_tree_is_followed_to_its_real_place(tree):
    (tree / "alias").symlink_to("src")

    assert confine(tree, "alias/app.py") == tree / "src" / "app.py"


@pytest.mark.parametrize(
    "path, glob, fits",
    [
        ("a.py", "*.py", True),
        ("src/a.py", "*.py", False),
        ("src/a.py", "**/*.py", True),
        ("a.py", "**/*.py", True),
        ("src/x/a.py", "src/**", True),
        ("src", "src/**", False),
        ("srcs/a.py", "src/**", False),
        ("src/x/y/a.py", "src/**/a.py", True),
        ("src/a.py", "src/**/a.py", True),
        ("docs/a/b.md", "docs", True),
        ("docs/a/b.md", "docs/", True),
        ("docs.md", "docs", False),
        ("src/a/b.py", "src/*", False),
        ("README.md", "README.md", True),
        ("readme.md", "README.md", False),
        ("anything/at/all", "**", True),
        ("tests/test_a.py", "tests/test_[ab].py", True),
        ("tests/test_c.py", "tests/test_[!ab].py", True),
        ("a+b.py", "a+b.py", True),
        ("aab.py", "a+b.py", False),
        ("a\nb", "**", True),
        ("src/a.py", "./src/*.py", True),
        ("src/[x.py", "src/[x.py", True),
        ("x", "", False),
    ],
)
def test_a_glob_means_what_it_says(path, glob, fits):
    assert matches(path, (glob,)) is fits


@pytest.mark.parametrize(
    "path, glob",
    [("a" * 200, "*a" * 40 + "*b"), ("a/" * 200 + "c", "**/a/" * 20 + "**/b"), ("aaaa/" * 50 + "c", "**/*a*a/" * 20 + "b*")],
)
def test_no_glob_takes_for_ever(path, glob):
    assert not matches(path, (glob,))


@pytest.mark.parametrize(
    "path, glob, fits",
    [
        ("src/abcabd.py", "src/*ab*d.py", True),
        ("src/ab.py", "src/**.py", True),
        ("a/x/b/x/b/c.py", "a/**/b/**/c.py", True),
        ("a/x/b/c/d.py", "a/**/b/**/e/*.py", False),
        ("a/b.py", "**/**/b.py", True),
        ("x/test_a/y/test_b/z.py", "**/test_*/**/test_?/*.py", True),
    ],
)
def test_a_glob_with_several_wildcards_finds_any_place_that_fits(path, glob, fits):
    assert matches(path, (glob,)) is fits


def test_what_is_not_allowed_and_what_is_forbidden_are_both_violations():
    paths = ("src/a.py", "docs/a.md", "src/secret/k.py")

    assert violations(paths, ("src/**",), ("src/secret/**",)) == ("docs/a.md", "src/secret/k.py")
