"""One bare mirror per repository, made whole or not at all, from which nothing vanishes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from epics.errors import Conflict, Environment, InvalidInput, RepositoryUnusable
from timemachine.branches import advance_branch, branch_commit, create_branch, publish
from timemachine.commits import commit_tree, tree_of
from timemachine.locks import locked
from timemachine.mirrors import CONFIG, base_ref, mirror_path, open_mirror, protect


@pytest.fixture
async def newer(mirror, base, signature):
    """A commit on top of the base."""
    return await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "On", signature)


async def test_a_mirror_has_the_base_branch_and_nothing_else(mirror, repo, git):
    git(repo, "branch", "side")
    git(repo, "tag", "v1")

    commit = await mirror.fetch_base("main")

    refs = await mirror.git.run("for-each-ref", "--format=%(refname)")
    assert refs.splitlines() == ["refs/genie/base/main", f"refs/genie/keep/{commit}"]
    assert commit == git(repo, "rev-parse", "main")


async def test_opening_again_gives_the_same_mirror(mirror, home, repo, env, base):
    again = await open_mirror(home, str(repo), env)

    assert again.path == mirror.path
    assert await again.cached_base("main") == base


async def test_many_may_open_a_mirror_at_once(home, repo, env):
    mirrors = await asyncio.gather(*(open_mirror(home, str(repo), env) for _ in range(8)))
    commits = await asyncio.gather(*(mirror.fetch_base("main") for mirror in mirrors))

    assert len({mirror.path for mirror in mirrors}) == len(set(commits)) == 1
    assert sorted(path.suffix for path in (home / "repos").iterdir()) == [".git", ".lock"]


async def test_a_crash_while_a_mirror_is_made_is_no_hindrance(home, repo, env):
    half = mirror_path(home, str(repo)).with_suffix(".new")
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/nothing\n")

    mirror = await open_mirror(home, str(repo), env)

    assert await mirror.fetch_base("main")


async def test_a_broken_mirror_is_set_aside_and_made_anew(mirror, home, repo, env):
    (mirror.path / "HEAD").unlink()

    again = await open_mirror(home, str(repo), env)

    assert await again.fetch_base("main")
    assert (home / "repos" / f"{mirror.path.name}.aside-1" / "objects").is_dir()


async def test_repositories_of_one_name_have_mirrors_of_their_own(home):
    paths = {mirror_path(home, location) for location in ["/a/x", "/b/x", "https://h/x.git", "git@h:y/x.git", "/", "/a/ü", "/" + "x" * 300]}

    assert len(paths) == 7
    assert all(len(path.name) < 80 for path in paths)


async def test_a_home_that_cannot_be_written_is_told(tmp_path, repo, env):
    (tmp_path / "file").write_text("")

    with pytest.raises(Environment, match="cannot be written"):
        await open_mirror(tmp_path / "file", str(repo), env)


async def test_a_url_with_a_login_is_not_stored(home, env):
    with pytest.raises(InvalidInput, match="credential helper"):
        await open_mirror(home, "https://ann:secret@example.org/x.git", env)
    assert not home.exists()


async def test_a_base_that_was_rewritten_is_followed_and_the_old_one_kept(mirror, repo, git, base):
    git(repo, "commit", "--quiet", "--amend", "-m", "Another beginning")

    after = await mirror.fetch_base("main")

    assert after == git(repo, "rev-parse", "main") != base
    assert await mirror.git.run("cat-file", "-t", base) == "commit"


async def test_a_base_named_below_an_older_one_does_not_collide(mirror, repo, git):
    git(repo, "branch", "release")
    await mirror.fetch_base("release")
    git(repo, "branch", "-D", "release")
    git(repo, "branch", "release/1")

    assert await mirror.fetch_base("release/1") == git(repo, "rev-parse", "main")
    assert base_ref("release/1") == "refs/genie/base/release%2F1"


async def test_a_base_that_is_gone_is_told(mirror):
    with pytest.raises(RepositoryUnusable, match=r"branch 'gone' of .* cannot be fetched"):
        await mirror.fetch_base("gone")


async def test_a_shallow_repository_can_be_mirrored(home, repo, env, git, tmp_path):
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "More")
    git(repo, "clone", "--quiet", "--depth=1", f"file://{repo}", str(tmp_path / "shallow"))
    mirror = await open_mirror(home, str(tmp_path / "shallow"), env)

    commit = await mirror.fetch_base("main")
    await create_branch(mirror, "genie/e-1/fix/attempt_1", commit)
    published = await publish(mirror, ["genie/e-1/fix/attempt_1"])

    assert commit == git(repo, "rev-parse", "main")
    assert published.refused == ()


async def test_settings_that_an_attempt_made_are_put_back_and_not_lost(mirror, home, repo, env):
    await mirror.git.run("config", "filter.x.clean", "touch /tmp/owned")
    (mirror.path / "info").mkdir()
    (mirror.path / "info" / "exclude").write_text("*.py\n")

    await open_mirror(home, str(repo), env)

    assert (mirror.path / "config").read_text() == CONFIG
    assert not (mirror.path / "info" / "exclude").exists()
    assert (mirror.path / "info" / "exclude.set-aside").read_text() == "*.py\n"


async def test_what_is_kept_outlives_even_a_collection_by_hand(mirror, newer, git):
    await protect(mirror, newer)

    git(mirror.path, "gc", "--quiet", "--prune=now")

    assert await mirror.git.run("cat-file", "-t", newer) == "commit"


async def test_an_ordinary_collection_takes_nothing_at_all(mirror, newer, git):
    git(mirror.path, "gc", "--quiet")
    git(mirror.path, "worktree", "prune")

    assert await mirror.git.run("cat-file", "-t", newer) == "commit"


async def test_only_one_at_a_time_holds_a_lock_and_a_killed_holder_lets_go(tmp_path):
    path = tmp_path / "x.lock"
    code = f"import fcntl, time; f = open({str(path)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), locked(path):
                pass
        holder.kill()

        async with asyncio.timeout(10), locked(path):
            pass


async def test_a_base_branch_that_did_not_move_is_not_fetched_again(mirror, repo, git):
    first = await mirror.fetch_base("main")
    # Whoever needs the lock waits here, and a fetch does.
    async with mirror.lock(), asyncio.timeout(10):
        assert await mirror.fetch_base("main") == first

    git(repo, "commit", "-q", "--allow-empty", "-m", "Moved")
    moved = await mirror.fetch_base("main")
    git(repo, "update-ref", "-d", "refs/heads/main")

    assert moved != first
    with pytest.raises(RepositoryUnusable, match="put it back if it is gone"):
        await mirror.fetch_base("main")


async def test_a_stopped_holder_of_a_lock_is_not_waited_for_for_ever_and_is_named(tmp_path):
    path = tmp_path / "x.lock"
    code = "import asyncio, sys; from pathlib import Path; from timemachine.locks import locked"
    code += f"\nasync def hold():\n async with locked(Path({str(path)!r})):\n  print('held', flush=True)\n  await asyncio.sleep(60)"
    code += "\nasyncio.run(hold())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)

        with pytest.raises(Environment, match=f"process {holder.pid} is stopped and holds the lock"):
            async with asyncio.timeout(30), locked(path, stopped_s=0.2):
                pass
        holder.send_signal(signal.SIGCONT)
        with pytest.raises(Environment, match=f"process {holder.pid} holds the lock"):
            async with asyncio.timeout(30), locked(path, patience_s=0.2):
                pass
        holder.kill()


async def test_a_branch_is_made_once_and_made_again_without_harm(mirror, base):
    await create_branch(mirror, "genie/e-1/fix/attempt_1", base)
    await create_branch(mirror, "genie/e-1/fix/attempt_1", base)

    assert await branch_commit(mirror, "genie/e-1/fix/attempt_1") == base


async def test_a_branch_name_that_is_taken_stays_where_it_is(mirror, base, newer):
    await create_branch(mirror, "genie/x", base)

    with pytest.raises(Conflict, match="stays there"):
        await create_branch(mirror, "genie/x", newer)
    assert await branch_commit(mirror, "genie/x") == base


async def test_a_branch_goes_on_and_going_on_again_is_fine(mirror, base, newer):
    await create_branch(mirror, "genie/x", base)

    await advance_branch(mirror, "genie/x", newer, base)
    await advance_branch(mirror, "genie/x", newer, base)

    assert await branch_commit(mirror, "genie/x") == newer


async def test_a_branch_never_goes_back_or_aside(mirror, base, newer, signature):
    other = await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "Aside", signature)
    await create_branch(mirror, "genie/x", newer)

    with pytest.raises(Conflict, match="does not hold it"):
        await advance_branch(mirror, "genie/x", base, newer)
    with pytest.raises(Conflict, match="stays there"):
        await advance_branch(mirror, "genie/x", other, base)
    assert await branch_commit(mirror, "genie/x") == newer


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_published_branches_are_in_the_repository_and_nothing_else_changes(home, repo, env, git, signature, fingerprint, scheme):
    mirror = await open_mirror(home, f"{scheme}{repo}", env)
    base = await mirror.fetch_base("main")
    newer = await commit_tree(mirror.git, await tree_of(mirror.git, base), (base,), "On", signature)
    await create_branch(mirror, "genie/e-1/fix/attempt_1", base)
    before = fingerprint(repo)

    first = await publish(mirror, ["genie/e-1/fix/attempt_1"])
    await advance_branch(mirror, "genie/e-1/fix/attempt_1", newer, base)
    second = await publish(mirror, ["genie/e-1/fix/attempt_1"])

    assert first.branches == second.branches == ("genie/e-1/fix/attempt_1",)
    assert git(repo, "rev-parse", "genie/e-1/fix/attempt_1") == newer
    assert fingerprint(repo) == before


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_a_published_branch_that_went_another_way_there_stays_and_is_named(home, repo, env, git, scheme):
    mirror = await open_mirror(home, f"{scheme}{repo}", env)
    base = await mirror.fetch_base("main")
    theirs = git(repo, "commit-tree", "-p", base, "-m", "Theirs", f"{base}^{{tree}}")
    git(repo, "branch", "genie/x", theirs)
    await create_branch(mirror, "genie/x", base)
    await create_branch(mirror, "genie/y", base)

    published = await publish(mirror, ["genie/x", "genie/y"])

    assert published.branches == ("genie/y",)
    assert [refusal.branch for refusal in published.refused] == ["genie/x"]
    assert ("moved it to" if scheme else "rejected") in published.refused[0].why
    assert git(repo, "rev-parse", "genie/x") == theirs


async def test_publishing_runs_no_hook_of_the_person(mirror, repo, base, tmp_path):
    for name in ("pre-receive", "update", "post-update", "reference-transaction", "post-receive"):
        hook = repo / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        hook.chmod(0o755)
    await create_branch(mirror, "genie/x", base)

    published = await publish(mirror, ["genie/x"])

    assert published.branches == ("genie/x",)
    assert not (tmp_path / "hooked").exists()


async def test_branches_of_the_person_are_not_published(mirror):
    with pytest.raises(InvalidInput, match="not one of Genie's"):
        await publish(mirror, ["main"])
