"""What a snapshot costs beside the plain git commands that it needs, by the size of the repository; and its pack and a work tree."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from timemachine.commits import Signature
from timemachine.mirrors import Mirror, open_mirror
from timemachine.packs import make_pack
from timemachine.removals import remove_worktree
from timemachine.shelf import ready_worktree
from timemachine.snapshots import snapshot
from timemachine.worktrees import Worktree, add_worktree

FILES, PER_DIRECTORY, CHANGED = 20_000, 100, 10
OTHER_SIZES = (1_000, 100_000)
SNAPSHOT_ROUNDS, WORKTREE_ROUNDS = 11, 7
SNAPSHOT_TARGET, WORKTREE_TARGET, SHELF_TARGET, PACK_TARGET = 1.3, 1.2, 0.6, 1.5
SIGNATURE = Signature(name="Genie", email="genie@localhost", at=datetime(2026, 1, 1, tzinfo=UTC))


def measure() -> list[dict[str, Any]]:
    """Medians of runs that alternate with the plain commands, in two work trees of one mirror."""
    figures = []
    for files in (OTHER_SIZES[0], FILES, OTHER_SIZES[1]):
        with tempfile.TemporaryDirectory(prefix="genie-bench-") as name:
            figures += asyncio.run(_measure(Path(name), files))
    return figures


@dataclass(frozen=True, kw_only=True)
class _Place:
    directory: Path
    env: dict[str, str]
    mirror: Mirror
    base: str

    def git(self, cwd: Path, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=cwd, env=self.env, check=True, capture_output=True, text=True).stdout.strip()


async def _measure(directory: Path, files: int) -> list[dict[str, Any]]:
    env = environment(directory)
    repo = await asyncio.to_thread(make_repository, directory / "repo", env, files)
    mirror = await open_mirror(directory / "home", str(repo), env)
    place = _Place(directory=directory, env=env, mirror=mirror, base=await mirror.fetch_base("main"))
    figures = [await _snapshots(place, files)]
    if files == FILES:
        figures += [await _packs(place), await _worktrees(place), await _passed_on(place)]
    return figures


def environment(home: Path) -> dict[str, str]:
    """Of the git commands of a measurement."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{f"GIT_{role}_{what}": "bench@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


def make_repository(repo: Path, env: dict[str, str], files: int, **also: str) -> Path:
    """Make a repository of so many files, a hundred to a directory, and those of `also`; nothing of it is checked out."""
    repo.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=repo, env=env, check=True)
    content = {path_of(number): f"VALUE_{number} = {number}\n" * 40 for number in range(files)} | also
    stream = ["commit refs/heads/main\ncommitter B <bench@localhost> 1767225600 +0000\ndata 5\nBegin\n"]
    stream += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in content.items()]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo, env=env, check=True, input="".join(stream).encode())
    return repo


def path_of(number: int) -> str:
    """Where a file is, by its number."""
    return f"part{number // PER_DIRECTORY:04}/file{number % PER_DIRECTORY:03}.py"


async def _snapshots(place: _Place, files: int) -> dict[str, Any]:
    plain = await add_worktree(place.mirror, place.directory / "plain", place.base)
    ours = await add_worktree(place.mirror, place.directory / "ours", place.base)

    async def plainly() -> None:
        await asyncio.to_thread(_plain_commit, place, plain.path)

    async def by_snapshot() -> None:
        assert (await snapshot(ours, signature=SIGNATURE, message="Work")).changed

    taken, against = await _alternate(plainly, by_snapshot, SNAPSHOT_ROUNDS, before=lambda n: _edit((plain, ours), n))
    return _figure(
        f"snapshot of {files:,} files, {CHANGED} changed", "git add -A, write-tree, commit-tree", taken, against, SNAPSHOT_TARGET
    )


def _plain_commit(place: _Place, tree: Path) -> None:
    place.git(tree, "add", "-A")
    place.git(tree, "commit-tree", "-p", place.base, "-m", "Work", place.git(tree, "write-tree"))


def _edit(trees: tuple[Worktree, ...], number: int) -> None:
    for tree in trees:
        for part in range(CHANGED):
            (tree.path / path_of(part * PER_DIRECTORY)).write_text(f"# round {number}\n" * (number + 1))


async def _packs(place: _Place) -> dict[str, Any]:
    """The pack of a turn's snapshot, thin against the turn before it; the plain command leaves the same objects out."""
    tree = await add_worktree(place.mirror, place.directory / "packed", place.base)
    commits, size = [place.base], 0

    async def plainly() -> None:
        given = f"{commits[-1]}\n" + "".join(f"^{commit}\n" for commit in (place.base, *commits[-2:-1]))
        await asyncio.to_thread(_plain_pack, place, given)

    async def by_us() -> None:
        nonlocal size
        size = len(await make_pack(place.mirror, commits[-1], (place.base, *commits[-2:-1])))

    async def turn(number: int) -> None:
        _edit((tree,), number)
        commits.append((await snapshot(tree, signature=SIGNATURE, message=f"Turn {number}")).commit)

    taken, against = list[float](), list[float]()
    for number in range(WORKTREE_ROUNDS):
        await turn(number)
        once, plain = await _alternate(plainly, by_us, 1, before=lambda _: None)
        taken, against = [*taken, *once], [*against, *plain]
    name = f"pack of a snapshot of {FILES:,} files, {CHANGED} changed ({size:,} bytes)"
    return _figure(name, "git pack-objects --thin", taken, against, PACK_TARGET)


def _plain_pack(place: _Place, given: str) -> None:
    command = ["git", "pack-objects", "--quiet", "--stdout", "--revs", "--thin", "--shallow"]
    subprocess.run(command, cwd=place.mirror.path, env=place.env, check=True, capture_output=True, input=given.encode())


async def _passed_on(place: _Place) -> dict[str, Any]:
    """A work tree put away and the next one made, with the shelf between them; the plain commands remove one and add the next."""
    number = 0
    at = {"plain": place.directory / "plain-0", "ours": place.directory / "ours-0"}
    await asyncio.to_thread(place.git, place.mirror.path, "worktree", "add", "--quiet", "--detach", str(at["plain"]), place.base)
    ours = await ready_worktree(place.mirror, at["ours"], place.base)

    async def plainly() -> None:
        await asyncio.to_thread(place.git, place.mirror.path, "worktree", "remove", "--force", str(at["plain"]))
        at["plain"] = place.directory / f"plain-next-{number}"
        await asyncio.to_thread(place.git, place.mirror.path, "worktree", "add", "--quiet", "--detach", str(at["plain"]), place.base)

    async def by_us() -> None:
        nonlocal ours, number
        number += 1
        await remove_worktree(ours, ends[ours.path])
        ours = await ready_worktree(place.mirror, place.directory / f"ours-next-{number}", place.base)

    ends = dict[Path, str]()
    taken, against = list[float](), list[float]()
    for _ in range(WORKTREE_ROUNDS):
        _edit((ours,), number)
        ends[ours.path] = (await snapshot(ours, signature=SIGNATURE, message="Work")).commit
        begun = time.perf_counter()
        await plainly()
        against.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await by_us()
        taken.append(time.perf_counter() - begun)
    return _figure(
        f"work tree of {FILES:,} files put away and the next one ready",
        "git worktree remove, git worktree add",
        taken,
        against,
        SHELF_TARGET,
    )


async def _worktrees(place: _Place) -> dict[str, Any]:
    made = {"plain": 0, "ours": 0}

    def path(kind: str) -> Path:
        made[kind] += 1
        return place.directory / f"{kind}-{made[kind]}"

    async def plainly() -> None:
        await asyncio.to_thread(place.git, place.mirror.path, "worktree", "add", "--quiet", "--detach", str(path("plain")), place.base)

    async def by_us() -> None:
        await add_worktree(place.mirror, path("ours"), place.base)

    taken, against = await _alternate(plainly, by_us, WORKTREE_ROUNDS, before=lambda _: None)
    return _figure(f"work tree of {FILES:,} files ready", "git worktree add", taken, against, WORKTREE_TARGET)


async def _alternate(
    plainly: Callable[[], Awaitable[None]], ours: Callable[[], Awaitable[None]], rounds: int, *, before: Callable[[int], None]
) -> tuple[list[float], list[float]]:
    """Run both in turn, each first every other time; the first round warms the caches and is not counted."""
    taken, against = list[float](), list[float]()
    for number in range(rounds + 1):
        before(number)
        pairs = [(plainly, against), (ours, taken)]
        for call, times in pairs if number % 2 else reversed(pairs):
            begun = time.perf_counter()
            await call()
            times.append(time.perf_counter() - begun)
    return taken[1:], against[1:]


def _figure(name: str, against_name: str, taken: list[float], against: list[float], target: float) -> dict[str, Any]:
    ratio = statistics.median(taken) / statistics.median(against)
    return {
        "name": name,
        "value": round(statistics.median(taken) * 1000, 1),
        "unit": "ms",
        "against": f"{against_name}: {statistics.median(against) * 1000:.1f} ms",
        "ratio": round(ratio, 3),
        "target": f"<= {target} of it",
        "met": ratio <= target,
    }
