"""A person's repository, a mirror of it, and what their repository looks like from outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from timemachine.commits import Signature
from timemachine.mirrors import Mirror, open_mirror
from timemachine.worktrees import Worktree, add_worktree

Fingerprint = dict[str, object]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may depend on the directory that we happen to be in, least of all on the repository there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """What git may know of the machine: where programs are, and a home with nothing in it."""
    home = tmp_path / "person"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "genie-home"


@pytest.fixture
def signature() -> Signature:
    return Signature(name="Genie", email="genie@localhost", at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC))


@pytest.fixture
def repo(git_repo) -> Path:
    return git_repo(
        {
            "README.md": "A lamp.\n",
            "src/lamp.py": "ON = False\n",
            "src/wire.py": "LENGTH = 3\n",
            ".gitignore": "*.log\nbuild/\n",
            "run.sh": "true\n",
        }
    )


@pytest.fixture
async def mirror(home, repo, env) -> Mirror:
    opened = await open_mirror(home, str(repo), env)
    await opened.fetch_base("main")
    return opened


@pytest.fixture
async def base(mirror) -> str:
    return await mirror.fetch_base("main")


@pytest.fixture
async def worktree(mirror, home, base) -> Worktree:
    return await add_worktree(mirror, home / "worktrees" / "e-1" / "e-1-1", base)


@pytest.fixture
def fingerprint(git) -> Callable[[Path], Fingerprint]:
    """Everything in a repository that only its owner may change: files, index, HEAD, config, refs other than Genie's."""

    def take(repo: Path) -> Fingerprint:
        admin = repo / ".git" if (repo / ".git").exists() else repo
        refs = git(repo, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        own = [line for line in refs if not line.startswith(("refs/heads/genie/", "refs/genie/"))]
        files = {
            str(path.relative_to(repo)): (
                path.lstat().st_mode,
                path.lstat().st_mtime_ns,
                str(path.readlink()) if path.is_symlink() else path.read_bytes(),
            )
            for path in repo.rglob("*")
            if admin not in path.parents and (path.is_symlink() or path.is_file())
        }
        index = (admin / "index").read_bytes() if (admin / "index").exists() else None
        extra = sorted(path.name for path in admin.iterdir())
        return {
            "refs": own,
            "files": files,
            "index": index,
            "head": (admin / "HEAD").read_text(),
            "config": (admin / "config").read_text(),
            "admin": extra,
        }

    return take
