"""Repositories at URLs: logins that are never stored, pushes that name what they expect, locks that nobody holds."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from epics.errors import RepositoryUnusable
from tests.fakes.http_git import LOGIN, HttpGit
from timemachine.branches import create_branch, publish, reset_branches
from timemachine.commits import commit_tree, tree_of
from timemachine.landing import BaseMoved, Landed, land
from timemachine.mirrors import open_mirror, protect
from timemachine.recovery import restore_worktree
from timemachine.repositories import inspect_repository
from timemachine.snapshots import snapshot
from timemachine.worktrees import add_worktree


@pytest.fixture
def bare(repo, git, tmp_path):
    path = tmp_path / "served" / "bare.git"
    path.parent.mkdir()
    git(repo, "clone", "--quiet", "--bare", str(repo), str(path))
    git(path, "config", "http.receivepack", "true")
    return path


async def test_a_file_of_logins_opens_a_server_and_the_login_is_nowhere(bare, home, env, signature, tmp_path, git):
    logins = tmp_path / "my logins"
    with HttpGit(bare.parent) as server:
        url = f"http://{server.host}/bare.git"
        with pytest.raises(RepositoryUnusable, match="cannot be read"):
            await inspect_repository(url, None, env)
        logins.write_text(f"http://{LOGIN}@{server.host}\n")
        logins.chmod(0o600)
        can_log_in = {**env, "GENIE_GIT_CREDENTIALS": str(logins)}

        facts = await inspect_repository(url, None, can_log_in)
        mirror = await open_mirror(home, facts.location, can_log_in)
        base = await mirror.fetch_base("main")
        work = await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "Work\n", signature)
        await create_branch(mirror, "genie/e-1/fix/attempt_1", work)
        published = await publish(mirror, ["genie/e-1/fix/attempt_1"])
        landed = await land(mirror, base_branch="main", head=work, expected_base=base, message="", signature=signature)

    assert (published.refused, landed) == ((), Landed(commit=work, how="ff"))
    assert git(bare, "rev-parse", "main", "genie/e-1/fix/attempt_1").split() == [work, work]
    kept = [path for path in home.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert kept == []


@pytest.fixture
async def at_url(home, bare, env, signature):
    """A mirror of a repository by URL, its base, and a commit on top of it."""
    mirror = await open_mirror(home, bare.as_uri(), env)
    base = await mirror.fetch_base("main")
    return mirror, base, await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "Work\n", signature)


async def test_a_base_that_was_moved_back_between_the_look_and_the_push_stays_there(at_url, bare, repo, git, signature):
    mirror, first, _ = at_url
    second = git(repo, "commit-tree", "-p", first, "-m", "Second", f"{first}^{{tree}}")
    git(repo, "push", "--quiet", str(bare), f"{second}:main")
    base = await mirror.fetch_base("main")
    work = await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "Work\n", signature)
    # A person takes the second commit back, after we have looked and before we push.
    git(bare, "update-ref", "refs/heads/main", first, second)
    git(bare, "update-ref", "refs/heads/also", second)

    from timemachine.landing import _land_at_url

    assert await _land_at_url(mirror, "main", base, work) == BaseMoved(new_base=first)
    assert git(bare, "rev-parse", "main") == first


async def test_a_branch_of_genies_that_a_person_moved_on_stays_theirs(at_url, bare, repo, git):
    mirror, base, work = at_url
    await create_branch(mirror, "genie/e-1/fix/attempt_1", work)
    await publish(mirror, ["genie/e-1/fix/attempt_1"])
    git(repo, "fetch", "--quiet", str(bare), "genie/e-1/fix/attempt_1")
    theirs = git(repo, "commit-tree", "-p", work, "-m", "Theirs", f"{base}^{{tree}}")
    git(repo, "push", "--quiet", str(bare), f"{theirs}:refs/heads/genie/e-1/fix/attempt_1")

    again = await publish(mirror, ["genie/e-1/fix/attempt_1"])

    assert "somebody moved it" in again.refused[0].why
    assert git(bare, "rev-parse", "genie/e-1/fix/attempt_1") == theirs


async def test_a_server_that_is_away_is_told_of_at_each_branch(at_url, bare):
    mirror, _, work = at_url
    await create_branch(mirror, "genie/x", work)
    bare.rename(bare.with_name("away"))

    published = await publish(mirror, ["genie/x"])

    assert published.branches == ()
    assert "cannot be read" in published.refused[0].why


def _old(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (time.time() - 60, time.time() - 60))


async def test_locks_that_a_killed_git_left_are_set_aside(at_url):
    mirror, base, work = at_url
    _old(mirror.path / "refs" / "genie" / "keep" / f"{work}.lock")
    _old(mirror.path / "refs" / "genie" / "base" / "main.lock")
    _old(mirror.path / "refs" / "heads" / "genie" / "e-1" / "fix" / "attempt_1.lock")

    await protect(mirror, work)
    await reset_branches(mirror, "genie/e-1/", {"genie/e-1/fix/attempt_1": work})

    assert await mirror.fetch_base("main") == base
    assert len(list((mirror.path / "set-aside").iterdir())) == 3
    assert (
        await mirror.git.run("for-each-ref", "--format=%(objectname)", "refs/heads/genie/e-1", f"refs/genie/keep/{work}")
        == f"{work}\n{work}"
    )


async def test_a_lock_that_somebody_holds_is_waited_for(at_url):
    mirror, _, work = at_url
    lock = mirror.path / "refs" / "genie" / "keep" / f"{work}.lock"
    lock.write_text("")
    keeping = asyncio.create_task(protect(mirror, work))
    await asyncio.wait({keeping}, timeout=0.3)

    assert not keeping.done()
    lock.unlink()
    await keeping

    assert not (mirror.path / "set-aside").exists()


async def test_branches_are_put_where_the_rows_say_and_what_was_there_is_kept(at_url):
    mirror, base, work = at_url
    await create_branch(mirror, "genie/e-1/a", work)
    await create_branch(mirror, "genie/e-2/a", work)

    await reset_branches(mirror, "genie/e-1/", {"genie/e-1/a": base, "genie/e-1/b": work})

    listed = await mirror.git.run("for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", "refs/heads")
    assert listed.splitlines() == [f"e-1/a {base}", f"e-1/b {work}", f"e-2/a {work}"]
    assert await mirror.git.run("rev-parse", f"refs/genie/keep/{work}") == work


async def test_the_lock_of_an_index_does_not_outlive_the_attempt_that_took_it(at_url, home, signature):
    mirror, base, _ = at_url
    tree = await add_worktree(mirror, home / "worktrees" / "e-1" / "e-1-1", base)
    (tree.path / "new.txt").write_text("new\n")
    saved = await snapshot(tree, signature=signature, message="Turn")
    (tree.admin / "index.lock").write_text("")

    again = await restore_worktree(mirror, tree.path, files=saved.commit, head=base, signature=signature)

    assert again.path == tree.path
    await again.git().run("add", "new.txt")
