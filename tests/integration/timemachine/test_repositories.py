"""Whether a repository can carry an epic is told before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epics.errors import InvalidInput, RepositoryUnusable
from timemachine.repositories import inspect_repository


async def test_a_path_gives_its_branch_and_commit(repo, env, git):
    facts = await inspect_repository(str(repo), None, env)

    assert (facts.location, facts.is_path, facts.base, facts.base_commit) == (str(repo), True, "main", git(repo, "rev-parse", "HEAD"))
    assert (facts.bare, facts.shallow, facts.dirty) == (False, False, False)


async def test_a_url_gives_its_branch_and_commit(repo, env, git):
    facts = await inspect_repository(f"file://{repo}", None, env)

    assert (facts.location, facts.is_path, facts.base, facts.base_commit) == (
        f"file://{repo}",
        False,
        "main",
        git(repo, "rev-parse", "HEAD"),
    )


async def test_every_way_into_a_repository_is_one_location(repo, env, git, tmp_path):
    git(repo, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "side")
    (tmp_path / "link").symlink_to(repo)
    ways = [repo / "src", tmp_path / "linked", tmp_path / "link", repo / ".git"]

    facts = [await inspect_repository(str(way), None, env) for way in ways]

    assert {fact.location for fact in facts} == {str(repo)}
    assert [fact.base for fact in facts] == ["main", "side", "main", "main"]


async def test_a_submodule_is_a_repository_of_its_own(repo, env, git, git_repo):
    outer = git_repo(name="outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "part")

    facts = await inspect_repository(str(outer / "part"), None, env)

    assert facts.location == str(outer / "part")


async def test_a_dirty_checkout_is_no_hindrance_and_is_not_touched(repo, env, fingerprint):
    (repo / "README.md").write_text("A lamp!\n")
    os.utime(repo / "run.sh")
    before = fingerprint(repo)

    facts = await inspect_repository(str(repo), None, env)

    assert facts.dirty
    assert fingerprint(repo) == before


async def test_a_bare_repository_is_fine(repo, env, git, tmp_path):
    git(repo, "clone", "--quiet", "--bare", str(repo), str(tmp_path / "bare.git"))

    facts = await inspect_repository(str(tmp_path / "bare.git"), None, env)

    assert (facts.bare, facts.base, facts.location) == (True, "main", str(tmp_path / "bare.git"))


async def test_a_shallow_repository_is_fine_and_named_so(repo, env, git, tmp_path):
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "More")
    git(repo, "clone", "--quiet", "--depth=1", f"file://{repo}", str(tmp_path / "shallow"))

    facts = await inspect_repository(str(tmp_path / "shallow"), None, env)

    assert facts.shallow


async def test_a_missing_path_is_refused(env, tmp_path):
    with pytest.raises(RepositoryUnusable, match="does not exist"):
        await inspect_repository(str(tmp_path / "nowhere"), None, env)


async def test_a_file_is_refused(env, repo):
    with pytest.raises(RepositoryUnusable, match="is not a directory"):
        await inspect_repository(str(repo / "README.md"), None, env)


async def test_a_directory_without_git_is_refused_with_what_to_do(env, tmp_path):
    with pytest.raises(RepositoryUnusable, match="is not a git repository: run `git init`"):
        await inspect_repository(str(tmp_path), None, env)


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_a_repository_without_commits_is_refused(env, tmp_path, git, scheme):
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "empty")

    with pytest.raises(RepositoryUnusable, match="has no commits: make a first commit"):
        await inspect_repository(f"{scheme}{tmp_path / 'empty'}", None, env)


async def test_a_detached_head_asks_for_the_base_and_names_the_branches(repo, env, git):
    git(repo, "branch", "side")
    git(repo, "checkout", "--quiet", "--detach")

    with pytest.raises(RepositoryUnusable, match=r"detached HEAD.*--base \(there are: main, side\)"):
        await inspect_repository(str(repo), None, env)
    assert (await inspect_repository(str(repo), "side", env)).base == "side"


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_a_base_that_is_gone_is_refused_and_the_others_named(repo, env, scheme):
    with pytest.raises(RepositoryUnusable, match=r"has no branch 'gone': choose one with --base \(there are: main\)"):
        await inspect_repository(f"{scheme}{repo}", "gone", env)


async def test_a_url_that_leads_nowhere_is_refused_with_what_git_said(env, tmp_path):
    with pytest.raises(RepositoryUnusable, match=r"cannot be read: fatal: .*nowhere"):
        await inspect_repository(f"file://{tmp_path}/nowhere", None, env)


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:hunter2@example.org/x.git",
        "https://hunter2@example.org/x",
        "ssh://git:hunter2@example.org/x",
        "https://example.org/x.git?access_token=hunter2",
    ],
)
async def test_a_login_in_a_url_is_refused_without_repeating_it(env, url):
    with pytest.raises(InvalidInput, match="credential helper") as caught:
        await inspect_repository(url, None, env)
    assert "hunter2" not in str(caught.value)


async def test_a_password_before_a_host_without_a_scheme_is_refused_without_repeating_it(env):
    with pytest.raises(InvalidInput, match="let ssh log in") as caught:
        await inspect_repository("git:hunter2@example.org:x.git", None, env)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "0",
        "0.0.0.0",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[fd00:ec2::254]",
    ],
)
async def test_an_address_that_only_this_machines_link_answers_is_refused(env, host):
    with pytest.raises(InvalidInput, match="no address that a repository can have"):
        await inspect_repository(f"http://{host}/x.git", None, env)


@pytest.mark.parametrize(
    "repo", ["", "  ", "--upload-pack=x", "ext::sh -c touch% x", "ftp://example.org/x", "a\0b", "http://[::1/x", "person:ada"]
)
async def test_what_is_no_repository_at_all_is_refused(env, repo):
    with pytest.raises(InvalidInput):
        await inspect_repository(repo, None, env)


async def test_a_url_over_two_lines_never_reaches_git(env):
    with pytest.raises(InvalidInput, match="cannot be printed"):
        await inspect_repository("https://example.org/x\nhost=elsewhere", None, env)


@pytest.mark.parametrize("base", ["-x", "a..b", "HEAD", "a b", ""])
async def test_a_base_that_no_branch_can_have_is_refused(env, repo, base):
    with pytest.raises(InvalidInput):
        await inspect_repository(str(repo), base, env)


async def test_a_repository_of_another_user_is_refused_in_words(repo, env):
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    for path in [repo, *Path(repo).rglob("*")]:
        os.chown(path, 12345, 12345, follow_symlinks=False)

    with pytest.raises(RepositoryUnusable, match="belongs to another user"):
        await inspect_repository(str(repo), None, env)
