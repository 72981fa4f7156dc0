"""What kind of repository a person named, and whether it can carry an epic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from epics.errors import InvalidInput, RepositoryUnusable
from epics.knowledge import owner_of
from timemachine.commits import commit_of
from timemachine.git import Git, branch_name, last_words, require_git
from timemachine.urls import is_url, refuse_credentials, refuse_detours

NETWORK_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class RepositoryFacts:
    """A repository that can carry an epic.

    `location` is its one name: the URL, or an absolute path (of the main checkout, whatever subdirectory or linked work tree was named).
    `dirty` says that the person's checkout has changes that are in no commit; they are not part of the epic.
    """

    location: str
    is_path: bool
    base: str
    base_commit: str
    bare: bool = False
    shallow: bool = False
    dirty: bool = False


async def inspect_repository(repo: str, base: str | None, env: Mapping[str, str]) -> RepositoryFacts:
    """Look at a path or git URL, and at the branch the epic is to start from.

    Raises:
        InvalidInput: if `repo` is not something to look at, or has credentials in it.
        RepositoryUnusable: if it cannot carry an epic; the message says why and what to do.
    """
    if not repo.strip() or "\0" in repo or repo.startswith("-"):
        raise InvalidInput(f"{repo!r} is not a repository: give a path or a git URL")
    if base is not None:
        branch_name(base)
    if is_url(repo):
        if not repo.isprintable():
            raise InvalidInput(f"{repo!r} has characters that cannot be printed: give the URL of a git server, in one line")
        if owner_of(repo) is not None:
            raise InvalidInput(f"{repo!r} is no repository: what begins like this is what a person's runs taught")
        refuse_credentials(repo)
        refuse_detours(repo)
        return await _inspect_url(repo, base, env)
    return await _inspect_path(Path(repo), base, env)


async def _inspect_path(path: Path, base: str | None, env: Mapping[str, str]) -> RepositoryFacts:
    git = Git(_directory(path), env)
    await require_git(git)
    asked = await git.call("rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-object-format")
    if asked.code != 0:
        raise RepositoryUnusable(_why_not_git(path, asked.errors))
    bare, shallow, object_format = asked.text.splitlines()
    if object_format != "sha1":
        raise RepositoryUnusable(f"{path} names its objects by {object_format}, which Genie cannot read yet")
    location = await _location(git)
    chosen, commit = await _base_of_path(git, location, base)
    dirty = False
    if bare == "false" and (await git.call("rev-parse", "--is-inside-work-tree")).text == "true":
        dirty = bool((await git.call("status", "--porcelain", "--ignore-submodules=dirty")).output)
    return RepositoryFacts(
        location=location, is_path=True, base=chosen, base_commit=commit, bare=bare == "true", shallow=shallow == "true", dirty=dirty
    )


def _directory(path: Path) -> Path:
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise RepositoryUnusable(f"{path} cannot be read: {error.strerror}; give the path of a git repository") from error
    if not is_folder:
        what = "is not a directory" if path.exists() else "does not exist"
        raise RepositoryUnusable(f"{path} {what}: give the path of a git repository")
    return path.resolve()


def _why_not_git(path: Path, errors: str) -> str:
    if "dubious ownership" in errors:
        return f"{path} belongs to another user: run Genie as its owner, or give a clone of your own"
    if "not a git repository" in errors:
        return f"{path} is not a git repository: run `git init` and make a first commit, or give another path"
    return f"git cannot read {path}: {last_words(errors)}"


async def _location(git: Git) -> str:
    """Return the path of the main checkout, or of the bare repository, so that all its work trees share one mirror."""
    common = await git.run_bytes("rev-parse", "--path-format=absolute", "--git-common-dir")
    own = await git.run_bytes("rev-parse", "--absolute-git-dir")
    top = await git.call("rev-parse", "--show-toplevel")
    return _main_place(_resolved(common), _resolved(own), _resolved(top.output) if top.code == 0 else None)


def _main_place(common: Path, own: Path, top: Path | None) -> str:
    if common.name == ".git":
        return str(common.parent)
    # A submodule: its git directory is inside the outer repository's.
    return str(top if top is not None and own == common else common)


def _resolved(output: bytes) -> Path:
    return Path(os.fsdecode(output.removesuffix(b"\n"))).resolve()


async def _base_of_path(git: Git, location: str, base: str | None) -> tuple[str, str]:
    branches = (await git.run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")).splitlines()
    if base is None:
        head = await git.call("symbolic-ref", "--quiet", "HEAD")
        if head.code != 0:
            raise RepositoryUnusable(f"{location} is at no branch (detached HEAD): say where to start with --base ({_some(branches)})")
        base = head.text.removeprefix("refs/heads/")
    return base, await _commit_of_base(git, location, base, branches)


async def _commit_of_base(git: Git, location: str, base: str, branches: list[str]) -> str:
    commit = await commit_of(git, f"refs/heads/{base}") if base in branches else None
    if commit is None:
        raise RepositoryUnusable(_no_such_base(location, base, branches))
    return commit


def _no_such_base(location: str, base: str, branches: list[str]) -> str:
    if not branches:
        return f"{location} has no commits: make a first commit, so that there is something to start from"
    return f"{location} has no branch {base!r}: choose one with --base ({_some(branches)})"


def _some(branches: list[str]) -> str:
    own = [branch for branch in branches if not branch.startswith("genie/")]
    more = f" and {len(own) - 10} more" if len(own) > 10 else ""  # noqa: PLR2004
    return f"there are: {', '.join(own[:10])}{more}" if own else "there are no branches yet"


async def _inspect_url(url: str, base: str | None, env: Mapping[str, str]) -> RepositoryFacts:
    git = Git(Path("/"), env)
    await require_git(git)
    heads, default = await remote_branches(git, url)
    chosen = base or default
    if chosen is None and heads:
        raise RepositoryUnusable(f"{url} does not say which branch is its default: say where to start with --base ({_some(list(heads))})")
    if chosen is None or chosen not in heads:
        raise RepositoryUnusable(_no_such_base(url, chosen or "", list(heads)))
    return RepositoryFacts(location=url, is_path=False, base=chosen, base_commit=heads[chosen])


async def remote_branches(git: Git, url: str) -> tuple[dict[str, str], str | None]:
    """Return the branches at `url` with their commits, and the default one.

    Raises:
        RepositoryUnusable: if nothing can be read there.
    """
    done = await git.call("ls-remote", "--symref", "--end-of-options", url, "HEAD", "refs/heads/*", seconds=NETWORK_SECONDS, network=True)
    if done.code != 0:
        raise RepositoryUnusable(f"{url} cannot be read: {last_words(done.errors)}")
    default, heads = None, dict[str, str]()
    for line in done.text.splitlines():
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: refs/heads/"):
            default = value.removeprefix("ref: refs/heads/")
        elif name.startswith("refs/heads/"):
            heads[name.removeprefix("refs/heads/")] = value
    return heads, default
