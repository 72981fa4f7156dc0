"""An epic on a repository that keeps files in Git LFS: agents have contents, git has pointers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from engine.starting import StartEpic
from tests.fakes.git_lfs import needed_lfs
from tests.integration.epics.plays import CHECK, play

pytestmark = pytest.mark.postgres

CHANGE = "grep -q first src/art.bin && echo second > src/art.bin && echo new > src/new.bin && cp src/art.bin greeting.txt"


@pytest.fixture(scope="module", autouse=True)
def _git_lfs() -> None:
    needed_lfs()


@pytest.mark.parametrize("commits", [False, True], ids=["files", "a_commit_of_its_own"])
async def test_an_agent_changes_a_file_of_git_lfs_and_the_person_gets_pointer_and_content(begin, git, tmp_path, commits):
    own = " && sleep 0.1 && git add --all && git -c user.name=a -c user.email=a@b.c commit --quiet --message mine" if commits else ""
    turn = {"run": [f"{CHANGE} && echo hello >> greeting.txt{own}"]}
    toml = f"[test]\ncommand = 'grep -q second src/art.bin && {CHECK}'\n"
    epic = await begin([play("implement", turn)], files={".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}, toml=toml)
    git(epic.repo, "lfs", "install", "--local", "--skip-smudge")
    (epic.repo / "src").mkdir()
    (epic.repo / "src/art.bin").write_text("first\n")
    git(epic.repo, "add", "--all")
    git(epic.repo, "commit", "--quiet", "--message", "Add art")
    started = await epic.engine.start(StartEpic(goal="Greet", repo=str(epic.repo), executor="scripted", auto_approve=True))
    epic = replace(epic, id=started.id)

    assert (await epic.go()).status == "merged"

    assert (await epic.engine.setup_log(epic.id, 1)).log == "Git LFS: 1 files filled\n"
    for name, content in {"src/art.bin": b"second\n", "src/new.bin": b"new\n"}.items():
        oid = hashlib.sha256(content).hexdigest()
        assert git(epic.repo, "show", f"main:{name}").splitlines()[1:] == [f"oid sha256:{oid}", f"size {len(content)}"]
        assert (epic.repo / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid).read_bytes() == content
        assert (epic.repo / name).read_bytes() == content
    assert git(epic.repo, "status", "--porcelain") == ""
    assert not list((tmp_path / "home" / "worktrees").glob("*/*"))
