"""A bare mirror per repository: where attempts have their objects, branches and work trees."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from epics.errors import Environment, RepositoryUnusable
from timemachine.commits import commit_of
from timemachine.git import Git, branch_name, commit_id, last_words, require_git
from timemachine.lfs_stores import store_of, store_of_person
from timemachine.locks import locked
from timemachine.seclusion import AS_IT_IS
from timemachine.stale_locks import locks_below, set_aside_locks, update_ref
from timemachine.urls import is_url, refuse_credentials

# The whole config of a mirror. Nothing may be collected, not even by a `git gc` that somebody runs in a work tree.
CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
\tpruneExpire = never
\tworktreePruneExpire = never
\treflogExpire = never
\treflogExpireUnreachable = never
[maintenance]
\tauto = false
"""
FETCH_SECONDS = 3600
FETCH = (
    *("fetch", "--no-tags", "--no-recurse-submodules", "--no-prune", "--no-auto-maintenance", "--refmap="),
    "--no-write-fetch-head",  # FETCH_HEAD of a person's repository is theirs
)


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The bare repository that stands for one repository of a person."""

    path: Path
    location: str
    env: Mapping[str, str]

    @property
    def git(self) -> Git:
        """Git in the mirror."""
        return Git(self.path, self.env, AS_IT_IS, {"GIT_DIR": str(self.path)})

    @property
    def is_path(self) -> bool:
        """Whether the person's repository is a path on this machine."""
        return not is_url(self.location)

    @property
    def lfs_store_of_theirs(self) -> Path | None:
        """Where the person's repository has contents of Git LFS, if it is on this machine, by path or by `file://`."""
        if self.is_path:
            return store_of_person(Path(self.location))
        parts = urlsplit(self.location)
        return store_of_person(Path(unquote(parts.path))) if parts.scheme == "file" else None

    def lfs_stores(self) -> tuple[Path, ...]:
        """Where contents of Git LFS are: first the mirror's own store, then the person's, which is only read."""
        theirs = self.lfs_store_of_theirs
        return (store_of(self.path), *((theirs,) if theirs else ()))

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Hold the right to change the mirror's list of work trees and its cached refs."""
        return locked(self.path.with_suffix(".lock"))

    def reassert_settings(self) -> None:
        """Put the mirror's own settings back.

        A `git config` or an edit of `info/exclude` in any work tree lands in the mirror, where it would hold for every attempt: a filter
        would be run by us, an exclude would hide work from snapshots. Such files are set aside, not deleted.
        """
        config = self.path / "config"
        if not config.is_file() or config.read_bytes() != CONFIG.encode():
            _replace(config, CONFIG)
        for name in ("exclude", "attributes"):
            stray = self.path / "info" / name
            if stray.exists():
                stray.rename(stray.with_name(f"{name}.set-aside"))

    def free_cached_refs(self) -> None:
        """Set aside the locks of cached refs that a killed fetch left; the caller holds the mirror's lock, so nobody else has them."""
        set_aside_locks(self.path, list(locks_below(self.path / "refs" / "genie" / "base")))

    async def fetch_base(self, base: str) -> str:
        """Fetch the base branch, and only it, and return its commit; it is kept from then on.

        Raises:
            RepositoryUnusable: if the branch or the repository cannot be read any more.
        """
        source, ref = f"refs/heads/{branch_name(base)}", base_ref(base)
        if self.is_path and not Path(self.location).is_dir():
            raise RepositoryUnusable(f"the repository {self.location} is gone: put it back where it was")
        if (unmoved := await self._unmoved(source, ref)) is not None:
            return unmoved
        async with self.lock():
            self.reassert_settings()
            self.free_cached_refs()
            args = (*FETCH, "--update-shallow", "--end-of-options", self.location, f"+{source}:{ref}")
            done = await self.git.call(*args, seconds=FETCH_SECONDS, network=not self.is_path)
            if done.code != 0:
                why = f"branch {base!r} of {self.location} cannot be fetched, put it back if it is gone: {last_words(done.errors)}"
                raise RepositoryUnusable(why)
            commit = await self.git.run("rev-parse", "--verify", f"{ref}^{{commit}}")
        await protect(self, commit)
        return commit

    async def _unmoved(self, source: str, ref: str) -> str | None:
        """The commit of a branch of a repository on this machine, where the mirror has fetched and kept it already.

        To look takes a tenth of the time of a fetch, and of nobody else's; whatever is unclear, the fetch finds out.
        """
        cached = loose_ref(self.path, ref) if self.is_path else None
        if cached is None or loose_ref(self.path, keep_ref(cached)) != cached:
            return None
        done = await Git(Path(self.location), self.env).call("rev-parse", "--verify", "--quiet", "--end-of-options", source)
        return cached if done.code == 0 and done.text == cached else None

    async def fetch_commit(self, commit: str) -> bool:
        """Fetch one commit by its id, and say whether it could be had: not every server gives what no branch of it holds."""
        args = (*FETCH, "--update-shallow", "--end-of-options", self.location, f"+{commit_id(commit)}:{keep_ref(commit)}")
        async with self.lock():
            self.reassert_settings()
            return (await self.git.call(*args, seconds=FETCH_SECONDS, network=not self.is_path)).code == 0

    async def cached_base(self, base: str) -> str | None:
        """Return the base branch's commit as last fetched."""
        return await commit_of(self.git, base_ref(base))


def base_ref(base: str) -> str:
    """Return where the mirror caches a base branch; one level deep, so that `a` and a later `a/b` do not collide."""
    return f"refs/genie/base/{quote(base, safe='')}"


def keep_ref(commit: str) -> str:
    """Return the ref that keeps a commit."""
    return f"refs/genie/keep/{commit_id(commit)}"


def loose_ref(mirror_path: Path, ref: str) -> str | None:
    """Return what a ref's own file in a mirror says, without asking git; None where there is no such file with a commit in it."""
    try:
        found = (mirror_path / ref).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return found if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found) else None


async def protect(mirror: Mirror, commit: str) -> None:
    """Keep a commit and all it needs, for ever: no collection of any git touches what a ref names."""
    args = (keep_ref(commit), commit)
    # An attempt keeps the same commit several times, and its file is read sooner than git begins.
    if loose_ref(mirror.path, keep_ref(commit)) == commit:
        return
    mirror.git.checked(await update_ref(mirror.git, mirror.path, *args), "update-ref", *args)


async def protect_all(mirror: Mirror, commits: Iterable[str]) -> None:
    """As `protect`, for many commits in one transaction of git; those that are kept already are left alone.

    Raises:
        GitFailed: if one of them is not in the mirror; none is kept then.
    """
    wanted = dict.fromkeys(commit_id(commit) for commit in commits)
    listed = await mirror.git.run("for-each-ref", "--format=%(refname:lstrip=3)", "refs/genie/keep/") if wanted else ""
    here = frozenset(listed.splitlines())
    lines = "".join(f"update {keep_ref(commit)} {commit}\n" for commit in wanted if commit not in here)
    if lines:
        await mirror.git.run("update-ref", "--stdin", given=lines.encode())


def mirror_path(home: Path, location: str) -> Path:
    """Return where the mirror of a repository is."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", location.rstrip("/").removesuffix(".git").rpartition("/")[2]).strip("-.")[:40] or "repository"
    return home.resolve() / "repos" / f"{slug}-{hashlib.sha256(location.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.git"


async def open_mirror(home: Path, location: str, env: Mapping[str, str]) -> Mirror:
    """Return the mirror of a repository, made if it is not there.

    It is built beside its place and moved there whole, so a crash leaves a mirror or none; one that is broken is set aside.

    Raises:
        Environment: if git is missing or too old, or the directory cannot be written.
    """
    if is_url(location):
        refuse_credentials(location)
    mirror = Mirror(path=mirror_path(home, location), location=location, env=env)
    try:
        mirror.path.parent.mkdir(parents=True, exist_ok=True)
        async with mirror.lock():
            if not _is_whole(mirror.path):
                await _build(mirror)
            mirror.reassert_settings()
    except OSError as error:
        raise Environment(f"{mirror.path.parent} cannot be written: {error.strerror}") from error
    return mirror


async def _build(mirror: Mirror) -> None:
    new = mirror.path.with_suffix(".new")
    new.mkdir(exist_ok=True)
    git = Git(new, mirror.env)
    await require_git(git)
    await git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=nothing", "--end-of-options", str(new))
    _replace(new / "config", CONFIG)
    if mirror.path.exists():
        mirror.path.rename(free_name(mirror.path))
    new.rename(mirror.path)


def _is_whole(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def free_name(path: Path) -> Path:
    """Return the first name `<path>.aside-<n>` that is not taken."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.aside-{number}")):
        number += 1
    return aside


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new-{os.getpid()}")
    new.write_text(text)
    new.replace(path)
