"""Git LFS of a repository at a URL: contents come from its server, and go there before a branch does."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.fakes.git_lfs import needed_lfs
from tests.fakes.http_git import LOGIN, HttpGit
from tests.fakes.lfs_server import LfsServer
from timemachine.branches import create_branch, publish
from timemachine.commits import Signature
from timemachine.landing import Landed, Refused, land
from timemachine.lfs_filling import fill_lfs
from timemachine.mirrors import open_mirror, protect
from timemachine.snapshots import snapshot
from timemachine.worktrees import Worktree, add_worktree

CONTENT = b"first\0content" * 1000
NEW = b"new\0content"
BRANCH = "genie/e/implement/attempt_1"


@pytest.fixture(scope="module", autouse=True)
def _git_lfs() -> None:
    needed_lfs()


def oid(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def bare(git_repo, git, tmp_path) -> Path:
    repo = git_repo({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}, name="art")
    git(repo, "lfs", "install", "--local", "--skip-smudge")
    (repo / "art.bin").write_bytes(CONTENT)
    git(repo, "add", "art.bin")
    git(repo, "commit", "--quiet", "--message", "Add art")
    path = tmp_path / "served" / "art.git"
    path.parent.mkdir()
    git(repo, "clone", "--quiet", "--bare", str(repo), str(path))
    git(path, "config", "http.receivepack", "true")
    return path


@pytest.fixture
def lfs() -> LfsServer:
    server = LfsServer()
    server.contents[oid(CONTENT)] = CONTENT
    return server


@pytest.fixture
def url(bare, lfs):
    with HttpGit(bare.parent, lfs) as server:
        yield f"http://{server.host}/art.git"


@pytest.fixture
def can_log_in(env, tmp_path, url):
    logins = tmp_path / "logins"
    logins.write_text(url.replace("http://", f"http://{LOGIN}@").removesuffix("/art.git") + "\n")
    return {**env, "GENIE_GIT_CREDENTIALS": str(logins)}


@pytest.fixture
async def tree(home, url, can_log_in) -> Worktree:
    mirror = await open_mirror(home, url, can_log_in)
    return await add_worktree(mirror, home / "worktrees" / "e" / "e-1", await mirror.fetch_base("main"))


async def commit_with_new_content(tree: Worktree, signature: Signature) -> str:
    (tree.path / "new.bin").write_bytes(NEW)
    taken = await snapshot(tree, signature=signature, message="work\n")
    await protect(tree.mirror, taken.commit)
    return taken.commit


async def test_contents_come_from_the_server_of_the_repository_once(tree, lfs, home, signature):
    filled = await fill_lfs(tree)
    again = await add_worktree(tree.mirror, home / "worktrees" / "e" / "e-2", await tree.head())

    assert filled is not None
    assert (filled.pointers, filled.why) == ((), "")
    assert (tree.path / "art.bin").read_bytes() == CONTENT
    assert (again.path / "art.bin").read_bytes() == CONTENT
    assert lfs.asked == [("download", oid(CONTENT))]
    assert not (await snapshot(tree, signature=signature, message="none\n")).changed


async def test_an_address_in_the_tree_or_in_its_config_is_not_asked(tree, lfs, git):
    with HttpGit(tree.path, other := LfsServer()) as elsewhere:
        (tree.path / ".lfsconfig").write_text(f"[lfs]\n\turl = http://{elsewhere.host}/x.git/info/lfs\n")
        git(tree.path, "config", "lfs.url", f"http://{elsewhere.host}/x.git/info/lfs")
        git(tree.path, "add", ".lfsconfig")
        await fill_lfs(tree)

    assert lfs.asked == [("download", oid(CONTENT))]
    assert other.asked == []
    assert (tree.path / "art.bin").read_bytes() == CONTENT


async def test_a_content_that_the_server_does_not_have_stays_a_pointer_and_it_says_why(tree, lfs):
    lfs.contents.clear()

    filled = await fill_lfs(tree)

    assert filled is not None
    assert filled.pointers == ("art.bin",)
    assert "no such content" in filled.why
    assert (tree.path / "art.bin").read_text().startswith("version https://git-lfs")


async def test_without_git_lfs_they_stay_pointers_and_it_says_what_to_install(home, url, can_log_in, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "")
    mirror = await open_mirror(home, url, {**can_log_in, "PATH": str(programs)})
    worktree = await add_worktree(mirror, home / "worktrees" / "e" / "e-1", await mirror.fetch_base("main"))

    filled = await fill_lfs(worktree)

    assert filled is not None
    assert filled.pointers == ("art.bin",)
    assert "install it" in filled.why


async def test_new_contents_are_on_the_server_before_the_branch(tree, bare, lfs, git, signature):
    base = await tree.head()
    work = await commit_with_new_content(tree, signature)
    await create_branch(tree.mirror, BRANCH, work)

    published = await publish(tree.mirror, [BRANCH])
    landed = await land(tree.mirror, base_branch="main", head=work, expected_base=base, message="", signature=signature)

    assert (published.refused, landed) == ((), Landed(commit=work, how="ff"))
    assert lfs.contents[oid(NEW)] == NEW
    assert ("upload", oid(CONTENT)) not in lfs.asked
    assert git(bare, "rev-parse", "main") == work


async def test_a_branch_whose_contents_are_not_taken_stays_where_it_was(tree, bare, lfs, git, signature):
    lfs.refuses_uploads = True
    base = await tree.head()
    work = await commit_with_new_content(tree, signature)
    await create_branch(tree.mirror, BRANCH, work)

    published = await publish(tree.mirror, [BRANCH])
    landed = await land(tree.mirror, base_branch="main", head=work, expected_base=base, message="", signature=signature)

    assert isinstance(landed, Refused)
    assert "quota" in landed.why
    assert "quota" in published.refused[0].why
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git(bare, "rev-parse", "main") == base
