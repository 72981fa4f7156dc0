"""Finished work comes to the person's branch once, and never over anything of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from timemachine.branches import create_branch, publish
from timemachine.landing import BaseMoved, Landed, Refused, TargetDirty, land
from timemachine.merges import Conflicted
from timemachine.mirrors import open_mirror
from timemachine.removals import remove_worktree
from timemachine.repositories import inspect_repository
from timemachine.snapshots import snapshot
from timemachine.worktrees import add_worktree


class Epic:
    """A piece of work on a base, ready to land."""

    def __init__(self, mirror, signature, base, head, tree):
        self.mirror, self.signature, self.base, self.head, self.tree = mirror, signature, base, head, tree

    async def land(self, **more):
        named = {"base_branch": "main", "head": self.head, "expected_base": self.base, "message": "Merge work", "signature": self.signature}
        return await land(self.mirror, **{**named, **more})


@pytest.fixture
def epic(home, env, signature):
    async def make(location: Path | str, files: dict[str, str] | None = None, base_branch: str = "main") -> Epic:
        mirror = await open_mirror(home, str(location), env)
        base = await mirror.fetch_base(base_branch)
        tree = await add_worktree(mirror, home / "worktrees" / "e-9" / "e-9-1", base)
        for name, text in (files or {"src/lamp.py": "ON = True\n", "src/new.py": "new\n"}).items():
            (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
            (tree.path / name).write_text(text)
        head = (await snapshot(tree, signature=signature, message="Work")).commit
        return Epic(mirror, signature, base, head, tree)

    return make


@pytest.fixture
def bare(repo, git, tmp_path):
    git(repo, "clone", "--quiet", "--bare", str(repo), str(tmp_path / "bare.git"))
    return tmp_path / "bare.git"


def commit_theirs(git, repo: Path, name: str = "theirs.py", text: str = "theirs\n") -> str:
    (repo / name).write_text(text)
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "Theirs")
    return git(repo, "rev-parse", "HEAD")


async def test_a_clean_checkout_goes_forward_with_its_files(epic, repo, git):
    work = await epic(repo)
    (repo / "noise.log").write_text("ignored\n")
    (repo / "untracked.txt").write_text("mine\n")

    landed = await work.land()

    assert landed == Landed(commit=work.head, how="ff")
    assert git(repo, "rev-parse", "HEAD", "main").split() == [work.head, work.head]
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(repo, "status", "--porcelain") == "?? untracked.txt"
    assert (repo / "src" / "new.py").read_text() == "new\n"
    assert (repo / "untracked.txt").read_text() == "mine\n"


@pytest.mark.parametrize("method", ["ff", "merge"])
async def test_landing_again_does_not_merge_twice(epic, repo, git, method):
    work = await epic(repo)
    first = await work.land(method=method)
    log = git(repo, "rev-list", "--count", "main")

    again = await work.land(method=method)

    assert again == Landed(commit=first.commit, how="already")
    assert git(repo, "rev-list", "--count", "main") == log


async def test_a_merge_commit_holds_both_sides(epic, repo, git):
    work = await epic(repo)

    landed = await work.land(method="merge")

    assert landed.how == "merge"
    assert git(repo, "rev-list", "--parents", "-1", "main") == f"{landed.commit} {work.base} {work.head}"
    assert git(repo, "log", "-1", "--format=%s|%an", "main") == "Merge work|Genie"
    assert git(repo, "status", "--porcelain") == ""


async def test_a_branch_that_is_checked_out_nowhere_goes_forward_alone(epic, repo, git, fingerprint):
    git(repo, "checkout", "--quiet", "-b", "side")
    (repo / "README.md").write_text("dirty\n")
    work = await epic(repo)
    before = fingerprint(repo)

    landed = await work.land()

    after = fingerprint(repo)
    assert landed == Landed(commit=work.head, how="ff")
    assert git(repo, "rev-parse", "main") == work.head
    assert {key: before[key] for key in ("files", "index", "head", "admin")} == {
        key: after[key] for key in ("files", "index", "head", "admin")
    }


async def test_a_branch_in_a_linked_work_tree_goes_forward_with_its_files(epic, repo, git, tmp_path):
    git(repo, "checkout", "--quiet", "-b", "side")
    git(repo, "worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    work = await epic(repo)

    landed = await work.land()

    assert landed.how == "ff"
    assert (tmp_path / "linked" / "src" / "new.py").exists()
    assert not (repo / "src" / "new.py").exists()
    assert git(tmp_path / "linked", "status", "--porcelain") == ""


@pytest.mark.parametrize("locked", [True, False])
async def test_a_linked_work_tree_whose_directory_is_gone_is_no_hindrance(epic, repo, git, tmp_path, locked):
    git(repo, "checkout", "--quiet", "-b", "side")
    git(repo, "worktree", "add", "--quiet", *(["--lock"] if locked else []), str(tmp_path / "linked"), "main")
    (tmp_path / "linked").rename(tmp_path / "away")
    work = await epic(repo)

    assert (await work.land()).how == "ff"
    assert git(repo, "rev-parse", "main") == work.head


@pytest.mark.parametrize("staged", [True, False])
async def test_a_dirty_checkout_is_left_alone_and_its_files_are_named(epic, repo, git, fingerprint, staged):
    (repo / "run.sh").write_text("false\n")
    if staged:
        git(repo, "add", "run.sh")
    work = await epic(repo)
    before = fingerprint(repo)

    result = await work.land()

    assert result == TargetDirty(path=str(repo), files=("run.sh",), why="it has changes that are in no commit")
    assert fingerprint(repo) == before


@pytest.mark.parametrize("name", ["src/new.py", "noise.log"])
async def test_files_of_theirs_that_are_in_the_way_are_not_overwritten(epic, repo, fingerprint, name):
    work = await epic(repo, {"src/new.py": "new\n", ".gitignore": "", "noise.log": "of the epic\n"})
    (repo / name).write_text("mine\n")
    before = fingerprint(repo)

    result = await work.land()

    assert isinstance(result, TargetDirty)
    assert result.files == (name,)
    assert fingerprint(repo) == before


async def test_a_directory_of_theirs_in_the_way_is_not_lost(epic, repo, fingerprint):
    work = await epic(repo, {"docs": "now a file\n"})
    (repo / "docs").mkdir()
    (repo / "docs" / "mine.md").write_text("mine\n")
    before = fingerprint(repo)

    result = await work.land()

    assert isinstance(result, TargetDirty)
    assert fingerprint(repo) == before


async def test_a_file_that_becomes_a_directory_and_one_that_becomes_a_file_land(epic, repo, git):
    work = await epic(repo)
    (work.tree.path / "README.md").unlink()
    (work.tree.path / "README.md").mkdir()
    (work.tree.path / "README.md" / "inside").write_text("x\n")
    for path in (work.tree.path / "src").iterdir():
        path.unlink()
    (work.tree.path / "src").rmdir()
    (work.tree.path / "src").write_text("a file\n")
    work.head = (await snapshot(work.tree, signature=work.signature, message="Turn")).commit

    assert (await work.land()).how == "ff"
    assert git(repo, "status", "--porcelain") == ""
    assert (repo / "src").read_text() == "a file\n"


async def test_an_ignored_file_where_the_merge_needs_a_directory_is_not_lost(epic, repo, fingerprint):
    work = await epic(repo, {"build/x.py": "x\n", ".gitignore": ""})
    (repo / "build").write_text("mine\n")
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "exclude").write_text("build\n")
    before = fingerprint(repo)

    result = await work.land()

    assert isinstance(result, TargetDirty)
    assert fingerprint(repo) == before


async def test_a_merge_under_way_is_left_alone(epic, repo, git, fingerprint):
    work = await epic(repo)
    (repo / ".git" / "MERGE_HEAD").write_text(git(repo, "rev-parse", "HEAD") + "\n")
    before = fingerprint(repo)

    result = await work.land()

    assert isinstance(result, TargetDirty)
    assert result.why == "a merge is under way there"
    assert fingerprint(repo) == before


async def test_a_rebase_of_the_branch_under_way_is_left_alone(epic, repo, git):
    work = await epic(repo)
    git(repo, "checkout", "--quiet", "--detach")
    (repo / ".git" / "rebase-merge").mkdir()
    (repo / ".git" / "rebase-merge" / "head-name").write_text("refs/heads/main\n")

    result = await work.land()

    assert isinstance(result, TargetDirty)
    assert result.why == "a rebase is under way there"
    assert git(repo, "rev-parse", "main") == work.base


async def test_another_git_at_work_is_waited_for_by_whoever_asks(epic, repo):
    work = await epic(repo)
    (repo / ".git" / "index.lock").write_text("")

    result = await work.land()
    (repo / ".git" / "index.lock").unlink()

    assert isinstance(result, TargetDirty)
    assert "index.lock" in result.why
    assert (await work.land()).how == "ff"


async def test_a_base_that_moved_is_told_and_nothing_is_done(epic, repo, git, fingerprint):
    work = await epic(repo)
    theirs = commit_theirs(git, repo)
    before = fingerprint(repo)

    assert await work.land() == BaseMoved(new_base=theirs)
    assert await work.land(method="merge") == BaseMoved(new_base=theirs)
    assert fingerprint(repo) == before


async def test_a_head_that_does_not_hold_the_base_is_not_fast_forwarded(epic, repo, git):
    work = await epic(repo)
    theirs = commit_theirs(git, repo)

    result = await work.land(expected_base=theirs)

    assert result == BaseMoved(new_base=theirs)
    assert (await work.land(expected_base=theirs, method="merge")).how == "merge"


async def test_a_conflict_is_told_and_nothing_is_done(epic, repo, git, fingerprint):
    work = await epic(repo)
    theirs = commit_theirs(git, repo, "src/lamp.py", "ON = None\n")
    before = fingerprint(repo)

    result = await work.land(expected_base=theirs, method="merge")

    assert isinstance(result, Conflicted)
    assert result.paths == ("src/lamp.py",)
    assert fingerprint(repo) == before


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("method", ["ff", "merge"])
async def test_work_lands_in_a_bare_repository_by_path_or_url(epic, bare, git, scheme, method):
    work = await epic(f"{scheme}{bare}")

    landed = await work.land(method=method)

    assert landed.how == method
    assert git(bare, "rev-parse", "main") == landed.commit
    assert (await work.land(method=method)).how == "already"


async def test_at_a_url_a_base_that_moved_is_told(epic, bare, repo, git):
    work = await epic(f"file://{bare}")
    theirs = commit_theirs(git, repo)
    git(repo, "push", "--quiet", str(bare), "main")

    assert await work.land() == BaseMoved(new_base=theirs)
    assert git(bare, "rev-parse", "main") == theirs


async def test_a_repository_that_refuses_is_quoted(epic, bare, git):
    work = await epic(f"file://{bare}")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho main is protected >&2\nexit 1\n")
    hook.chmod(0o755)

    result = await work.land()

    assert isinstance(result, Refused)
    assert "main is protected" in result.why
    assert git(bare, "rev-parse", "main") == work.base


async def test_a_checked_out_branch_behind_a_url_is_refused_by_its_side(epic, repo, fingerprint):
    work = await epic(f"file://{repo}")
    before = fingerprint(repo)

    assert isinstance(await work.land(), Refused)
    assert fingerprint(repo) == before


async def test_work_lands_in_a_shallow_checkout(epic, repo, git, tmp_path):
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "More")
    git(repo, "clone", "--quiet", "--depth=1", f"file://{repo}", str(tmp_path / "shallow"))
    work = await epic(tmp_path / "shallow")

    assert (await work.land()).how == "ff"
    assert (tmp_path / "shallow" / "src" / "new.py").exists()
    assert git(tmp_path / "shallow", "rev-parse", "--is-shallow-repository") == "true"


async def test_no_hook_of_the_person_runs(epic, repo, tmp_path):
    for name in ("post-merge", "reference-transaction", "pre-merge-commit", "post-checkout"):
        hook = repo / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        hook.chmod(0o755)
    work = await epic(repo)

    assert (await work.land()).how == "ff"
    assert not (tmp_path / "hooked").exists()


async def test_the_line_ends_that_the_person_set_hold_in_their_checkout(epic, repo, git):
    git(repo, "config", "core.autocrlf", "true")
    work = await epic(repo)

    assert (await work.land()).how == "ff"
    assert (repo / "src" / "new.py").read_bytes() == b"new\r\n"
    assert git(repo, "status", "--porcelain") == ""


async def test_a_checkout_is_as_it_was_after_everything_but_a_clean_landing(home, repo, env, git, signature, fingerprint):
    (repo / "untracked.txt").write_text("mine\n")
    (repo / "noise.log").write_text("ignored\n")
    (repo / "run.sh").write_text("dirty\n")
    (repo / "README.md").write_text("staged\n")
    git(repo, "add", "README.md")
    (repo / "loop").symlink_to("loop")
    git(repo, "stash", "create")
    before = fingerprint(repo)

    facts = await inspect_repository(str(repo), None, env)
    mirror = await open_mirror(home, facts.location, env)
    base = await mirror.fetch_base(facts.base)
    tree = await add_worktree(mirror, home / "worktrees" / "e-1" / "e-1-1", base)
    (tree.path / "new.py").write_text("new\n")
    taken = await snapshot(tree, signature=signature, message="Work")
    await create_branch(mirror, "genie/e-1/implement/attempt_1", taken.commit)
    await publish(mirror, ["genie/e-1/implement/attempt_1"])
    result = await land(mirror, base_branch="main", head=taken.commit, expected_base=base, message="Merge", signature=signature)
    await remove_worktree(tree, taken.commit)

    assert isinstance(result, TargetDirty)
    assert set(result.files) == {"README.md", "run.sh"}
    assert git(repo, "rev-parse", "genie/e-1/implement/attempt_1") == taken.commit
    assert fingerprint(repo) == before
