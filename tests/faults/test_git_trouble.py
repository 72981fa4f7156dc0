"""A git server that is away, and one that refuses: the epic stops with the cause, loses no commit, and goes on when the trouble is over."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.git_server import GitServer, git
from tests.fakes.judging import history_of, judge, judge_requests

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

REFUSAL = "this branch is frozen for the release"


@pytest.fixture
def git_server(tmp_path: Path) -> Generator[GitServer]:
    """Repositories at URLs."""
    with GitServer(tmp_path / "repositories") as made:
        yield made


def freeze(server: GitServer) -> None:
    """Let the server refuse every push to main, as a protected branch does."""
    hook = server.folder / "target.git" / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\ncase "$1" in refs/heads/main) echo "{REFUSAL}" >&2; exit 1;; esac\n')
    hook.chmod(0o755)


def thaw(server: GitServer) -> None:
    """Let it take pushes again."""
    (server.folder / "target.git" / "hooks" / "update").unlink()


@pytest.mark.faults
@pytest.mark.parametrize(
    "begin, end, cause",
    [
        pytest.param(GitServer.stop, GitServer.start, "", id="away"),
        pytest.param(freeze, thaw, REFUSAL, id="refuses"),
    ],
)
def test_trouble_with_the_git_server_at_the_merge_is_told_and_gone_on_from(
    scene: Scene, git_server: GitServer, begin: Callable[[GitServer], None], end: Callable[[GitServer], None], cause: str
) -> None:
    """Fault 20: it begins while the epic waits to be merged; the approval is not lost, nor is a commit."""
    scene.where = git_server.add(scene.repo, "target.git")
    target = git_server.folder / "target.git"
    waits = scene.here.run("epic", "start", "Add a median", "--repo", scene.where)
    assert waits.code == 3, waits.said
    epic = scene.epic()
    assert scene.here.run("approval", "approve", epic).code == 0
    waits = scene.here.run("epic", "resume", epic)
    assert waits.code == 3, waits.said
    begin(git_server)

    assert scene.here.run("approval", "approve", epic).code == 0
    stopped = scene.here.run("epic", "resume", epic)

    assert stopped.code in {1, 3}, stopped.said
    assert "Traceback" not in stopped.said
    problem = scene.ask("SELECT problem FROM epics WHERE id = %s", epic)[0][0]
    asked = scene.ask("SELECT summary FROM approvals WHERE epic_id = %s AND status = 'pending'", epic)
    told = f"{problem or ''} {asked}"
    assert cause in told if cause else (problem or asked), told
    assert history_of(target) == ["Begin with a mean " + git(target, "rev-parse", "main^{tree}")]
    end(git_server)
    if scene.status(epic) == "waiting":
        assert scene.here.run("approval", "approve", epic).code == 0
    ended = scene.here.run("epic", "resume", epic)
    assert ended.code == 0, ended.said
    found = judge(scene.database_url, epic, target)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    assert len(history_of(target)) == 6
