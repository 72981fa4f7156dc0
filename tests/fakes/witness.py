"""A witness of what the time machine must not touch: refs, commits, moments, attempts, trees, and the files in a person's checkout."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fakes.editing import links_in, manifest_of
from timemachine.mirrors import Mirror
from timemachine.removals import remove_worktree
from timemachine.shelf import ready_worktree
from timemachine.worktrees import add_worktree

Rows = Sequence[Mapping[str, Any]]
Ask = Callable[[str], Awaitable[list[dict[str, Any]]]]

NAMED: Final = (
    "SELECT commit FROM moments UNION SELECT tree FROM turns WHERE tree IS NOT NULL UNION SELECT head FROM turns WHERE head IS NOT NULL"
    " UNION SELECT base_commit FROM attempts UNION SELECT result ->> 'commit' FROM attempts WHERE result IS NOT NULL"
    " UNION SELECT head FROM epics WHERE head IS NOT NULL UNION SELECT base_commit FROM epics"
)
MOMENTS: Final = "SELECT to_jsonb(m) - 'name' AS row FROM moments m"
ATTEMPTS: Final = (
    "SELECT jsonb_build_object('epic_id', epic_id, 'n', n, 'task', task_id, 'step', step, 'workflow', workflow, 'base', base_commit,"
    " 'branch', branch, 'started', started_at, 'result', result) AS row FROM attempts"
)
AT: Final = (
    "SELECT e.id, e.moment, e.last_moment, e.head, m.commit, (SELECT max(n) FROM moments WHERE epic_id = e.id) AS newest"
    " FROM epics e LEFT JOIN moments m ON m.epic_id = e.id AND m.n = e.moment"
)


@dataclass(kw_only=True)
class Witness:
    """Looks after each deed, and remembers all that it saw."""

    mirror: Mirror
    repo: Path
    folder: Path
    ask: Ask
    refs: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)
    unended: set[str] = field(default_factory=set)
    """The branches of attempts that have no end yet."""
    made: int = 0

    def plant(self, path: str, content: bytes) -> None:
        """Put a file into the person's checkout that is none of Genie's business."""
        place = self.repo / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self.files[path] = _seen(place)

    async def look(self, *, thoroughly: bool, stepped: str | None = None) -> None:
        """Compare everything with what was there before.

        Args:
            thoroughly: make a work tree of every tree that was ever seen, not only of those that are new.
            stepped: the epic that made steps, whose branches and base may have gone forward; empty where a person committed to the base.
        """
        self._look_at_refs(stepped)
        assert {path: _seen(self.repo / path) for path in self.files} == self.files, "files of the person were touched"
        moments = [row["row"] for row in await self.ask(MOMENTS)]
        attempts = [row["row"] for row in await self.ask(ATTEMPTS)]
        self._look_at_rows("moments", moments)
        self._look_at_rows("attempts", attempts)
        self.unended = {str(row["branch"]) for row in attempts if row["result"] is None}
        self._look_at_branches(attempts)
        await self._look_at_commits()
        for row in await self.ask(AT):
            assert (row["moment"] or 0) == row["last_moment"] == (row["newest"] or 0), f"the last moment is not where the epic is: {row}"
            assert row["newest"] is None or row["commit"] == row["head"], f"the epic is not at the commit of its moment: {row}"
        await self._look_at_trees(moments, attempts, thoroughly=thoroughly)

    def _look_at_refs(self, stepped: str | None) -> None:
        found = _refs(self.mirror.path, "mirror", "refs/heads", "refs/genie/keep") | _refs(self.repo, "person")
        main = "person refs/heads/main"
        for name, commit in self.refs.items():
            now = found.get(name)
            if name.removeprefix("mirror refs/heads/") in self.unended:
                # Cut off behind its last commit, an attempt is ended again; what it left is kept as a commit.
                assert now is not None, f"{name} is gone"
                assert _is_there(self.mirror.path, commit), f"{name} was at {commit}, which is gone"
                continue
            if stepped is not None and now is not None and (name == main or (stepped and f"/genie/{stepped}/" in name)):
                # A merge, and a base that is brought in, take a branch forward; nothing takes one back.
                place = self.mirror.path if name.startswith("mirror ") else self.repo
                assert now == commit or _is_ancestor(place, commit, now), f"{name} went from {commit} to {now}, which does not hold it"
                continue
            assert now == commit, f"{name} was at {commit} and is at {now}"
        self.refs = found

    def _look_at_rows(self, table: str, rows: Rows) -> None:
        """No row is changed or gone; a new one has a number above all that were there."""
        found = {(table, row["epic_id"], row["n"]): row for row in rows}
        before = {key: row for key, row in self.rows.items() if key[0] == table}
        for key, row in before.items():
            assert key in found, f"{key} is gone"
            # An attempt has its result once it is over.
            changed = {
                name: (row[name], found[key][name])
                for name in row
                if row[name] != found[key][name] and (name, row[name]) != ("result", None)
            }
            assert not changed, f"{key} was changed: {changed}"
        for key in found.keys() - before.keys():
            highest = max((n for _, epic, n in before if epic == key[1]), default=0)
            assert key[2] > highest, f"the number of {key} was given before"
        self.rows |= found

    def _look_at_branches(self, attempts: Rows) -> None:
        branches: dict[str, tuple[Any, ...]] = {}
        for row in attempts:
            if row["branch"]:
                # Forks have copies of the attempts that they took over.
                who = (row["n"], row["task"])
                assert branches.setdefault(row["branch"], who) == who, f"two attempts have the branch {row['branch']}"

    async def _look_at_commits(self) -> None:
        named = [row["commit"] for row in await self.ask(NAMED)]
        said = _git(self.mirror.path, "cat-file", "--batch-check", given="".join(f"{commit}\n" for commit in named))
        gone = [line for line in said.splitlines() if " commit " not in line]
        assert not gone, f"commits that rows name are gone: {gone}"

    async def _look_at_trees(self, moments: Sequence[Mapping[str, Any]], attempts: Rows, *, thoroughly: bool) -> None:
        commits: dict[str, str] = {}
        for row in moments:
            tree = _git(self.mirror.path, "rev-parse", f"{row['commit']}^{{tree}}").strip()
            assert row["tree"] == tree, f"a moment has not the tree {tree} of its commit: {row}"
            commits[tree] = row["commit"]
        for row in attempts:
            listed = self.folder / "manifests" / f"{row['epic_id']}-{row['n']}.json"
            # Cut off and begun again, the agent may have had another end than the one that is recorded.
            if row["result"] and row["result"]["ended_by"] == "done" and listed.exists():
                commits[row["result"]["tree"]] = row["result"]["commit"]
                expected = json.loads(listed.read_text())
                known = self.trees.setdefault(row["result"]["tree"], expected)
                assert known == expected, f"attempt {row['n']} of {row['epic_id']} left {_difference(expected, known)}"
        for tree, commit in commits.items():
            if thoroughly or tree not in self.looked_at:
                found = await self.files_of(commit)
                known = self.trees.setdefault(tree, found)
                assert found == known, f"the work tree of {commit} differs: {_difference(known, found)}"
                self.looked_at.add(tree)

    async def files_of(self, commit: str) -> dict[str, str]:
        """The files of a work tree that Genie makes of a commit: by turns a new one, and one that others left on the shelf."""
        self.made += 1
        make = ready_worktree if self.made % 2 else add_worktree
        worktree = await make(self.mirror, self.folder / "looked-at" / f"tree-{self.made}", commit)
        links = subprocess.run(["git", "-C", self.mirror.path, "ls-tree", "-r", "-z", commit], check=True, capture_output=True).stdout
        found = manifest_of(worktree.path, links_in(links))
        await remove_worktree(worktree, commit)
        return found

    def collect(self) -> None:
        """Collect what no ref names, at once, in the mirror and in the person's repository; what is left must be whole."""
        for place in (self.mirror.path, self.repo):
            now = ("gc.pruneExpire=now", "gc.reflogExpire=now", "gc.reflogExpireUnreachable=now", "gc.worktreePruneExpire=now")
            _git(place, *(word for setting in now for word in ("-c", setting)), "gc", "--quiet", "--prune=now")
            _git(place, "fsck", "--connectivity-only", "--no-dangling", "--no-progress")


def _refs(where: Path, name: str, *below: str) -> dict[str, str]:
    listed = _git(where, "for-each-ref", "--format=%(refname) %(objectname)", *below)
    return {f"{name} {line.split()[0]}": line.split()[1] for line in listed.splitlines()}


def _seen(place: Path) -> tuple[str, int]:
    return hashlib.sha256(place.read_bytes()).hexdigest(), place.stat().st_mtime_ns


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {path: (before.get(path), after.get(path)) for path in {**before, **after} if before.get(path) != after.get(path)}


def _is_there(where: Path, commit: str) -> bool:
    return subprocess.run(["git", "-C", where, "cat-file", "-e", commit], check=False).returncode == 0


def _is_ancestor(where: Path, older: str, newer: str) -> bool:
    return subprocess.run(["git", "-C", where, "merge-base", "--is-ancestor", older, newer], check=False).returncode == 0


def _git(where: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(["git", "-C", where, *arguments], check=False, input=given, capture_output=True, text=True)
    assert done.returncode == 0, f"git {' '.join(arguments)} in {where}: {done.stderr}"
    return done.stdout
