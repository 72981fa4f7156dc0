"""A repository behind a login, and two hosts that share the database and its URL and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.http_git import LOGIN, HttpGit

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie
    from tests.conftest import Git

SAMPLE = Path(__file__).parents[2] / "cli" / "sample" / "repository"


def test_an_epic_that_one_host_began_is_merged_by_another_and_pushed(genie: Genie, git: Git, git_repo, tmp_path: Path) -> None:
    files = {str(path.relative_to(SAMPLE)): path.read_text() for path in SAMPLE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    bare = tmp_path / "served" / "sample.git"
    bare.parent.mkdir()
    git(tmp_path, "clone", "--quiet", "--bare", str(git_repo(files)), str(bare))
    git(bare, "config", "http.receivepack", "true")
    logins = tmp_path / "logins"

    with HttpGit(bare.parent) as server:
        logins.write_text(f"http://{LOGIN}@{server.host}\n")
        url = f"http://{server.host}/sample.git"
        one = {"GENIE_HOME": str(tmp_path / "one"), "GENIE_GIT_CREDENTIALS": str(logins)}
        other = {**one, "GENIE_HOME": str(tmp_path / "other")}
        ask = ("epic", "start", "Write durations out", "--executor", "scripted", "--model", "scripted:demo")

        refused = genie(*ask, "--repo", f"http://{LOGIN}@{server.host}/sample.git", env=one)
        closed = genie(*ask, "--repo", url)
        at_plan = genie(*ask, "--repo", url, env=one)
        epic = at_plan.id("e")
        at_merge = genie("approval", "approve", epic, "--go", "--json", env=other)
        merged = genie("approval", "approve", epic, "--go", "--json", env=one)

    assert [refused.code, closed.code, at_plan.code, at_merge.code, merged.code] == [2, 2, 3, 3, 0], merged.err
    assert "GENIE_GIT_CREDENTIALS" in refused.err
    assert at_merge.json()["step"] == "merge_gate"
    assert git(bare, "rev-parse", "main") == merged.json()["head"]
    assert git(bare, "branch", "--list", f"genie/{epic}/*") != ""
    assert "hunter2" not in "".join(ended.out + ended.err for ended in (refused, closed, at_plan, at_merge, merged))
    found = subprocess.run(["grep", "-rl", "hunter2", str(tmp_path / "one"), str(tmp_path / "other")], check=False, capture_output=True)
    assert found.stdout == b""
