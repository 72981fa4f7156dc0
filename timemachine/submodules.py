"""The submodules of a work tree: their files are put where the repository has them, without a repository that commands could be led to."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from epics.errors import GenieError, GitFailed, InvalidInput
from timemachine.commits import commit_of
from timemachine.git import Git, commit_id
from timemachine.lasting import lasting
from timemachine.mirrors import CONFIG, FETCH, FETCH_SECONDS, Mirror
from timemachine.seclusion import AS_IT_IS
from timemachine.urls import is_url, refuse_credentials
from timemachine.worktrees import Worktree

FOLDER: Final = "submodules"
LIST: Final = ".gitmodules"
_NAME: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]{0,200}")
_LINK: Final = re.compile(rb"160000 commit ([0-9a-f]+)\t(.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Submodule:
    """A submodule at the commit at which the work stands; its address is what the base branch says, whatever the work says."""

    path: str
    name: str
    url: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What became of one submodule, for people."""

    path: str
    done: bool
    note: str


async def fill_submodules(worktree: Worktree, base: str, home: Path) -> tuple[Filled, ...]:
    """Put the files of each submodule of a work tree in their place; one that cannot be had stays empty, and the note says why.

    A submodule's own submodules are not filled. What is done to the files is no part of the work: only the commit is.

    Args:
        worktree: the tree, as it was checked out.
        base: the commit of the base branch, which alone says where submodules come from.
        home: where what was fetched is kept.
    """
    return tuple([await _fill(worktree, each, home) for each in await submodules_of(worktree, base)])


async def empty_submodules(worktree: Worktree, base: str, home: Path) -> None:
    """Take the files of submodules away again where they are as they were put there; changed ones stay, and keep their work tree."""
    for each in await submodules_of(worktree, base):
        place = _place(worktree, each.path)
        if place is not None and _has_files(place) and await _is_untouched(worktree, each, place, home):
            await asyncio.to_thread(_empty, place)


async def submodules_of(worktree: Worktree, base: str) -> tuple[Submodule, ...]:
    """The submodules at which the HEAD of a work tree stands and which the base branch lists, too."""
    git = worktree.mirror.git
    if not await lasting(git, "ls-tree", "-z", commit_id(base), "--", LIST):
        return ()
    listed = await git.call("config", f"--blob={base}:{LIST}", "--no-includes", "--null", "--list")
    if listed.code != 0:
        return ()
    known = _known(listed.text)
    tree = await git.run_bytes("ls-tree", "-r", "-z", "--full-tree", await worktree.head())
    links = (found for entry in tree.split(b"\0") if (found := _LINK.fullmatch(entry)))
    at = {os.fsdecode(found[2]): found[1].decode() for found in links}
    return tuple(Submodule(path=path, name=name, url=url, commit=at[path]) for path, (name, url) in known.items() if path in at)


def _known(listed: str) -> dict[str, tuple[str, str]]:
    """Names and URLs by path; nothing else in such a file means anything to us."""
    facts: dict[str, dict[str, str]] = {}
    for entry in listed.split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "submodule" and variable in {"path", "url"}:
            facts.setdefault(name, {})[variable] = value
    return {each["path"]: (name, each["url"]) for name, each in facts.items() if each.keys() == {"path", "url"}}


async def _fill(worktree: Worktree, submodule: Submodule, home: Path) -> Filled:
    place = _place(worktree, submodule.path)
    if place is None or _has_files(place):
        return Filled(path=submodule.path, done=False, note="there is something else in its place")
    try:
        store = await _fetched(worktree.mirror, submodule, home)
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store, prefix="index-") as folder:
            await _git(worktree, store, place, Path(folder) / "index").run("read-tree", "-m", "-u", submodule.commit)
    except GenieError as error:
        return Filled(path=submodule.path, done=False, note=str(error))
    return Filled(path=submodule.path, done=True, note=f"at {submodule.commit[:12]}")


async def _is_untouched(worktree: Worktree, submodule: Submodule, place: Path, home: Path) -> bool:
    store = _store(home, worktree.mirror, submodule)
    if not store.is_dir() or (place / ".git").exists():
        return False
    with tempfile.TemporaryDirectory(dir=store, prefix="index-") as folder:
        git = _git(worktree, store, place, Path(folder) / "index")
        try:
            await git.run("read-tree", submodule.commit)
            return not await git.run("ls-files", "--modified", "--deleted", "--others", "--exclude-standard")
        except GitFailed:
            return False


async def _fetched(mirror: Mirror, submodule: Submodule, home: Path) -> Path:
    """The bare repository that has the submodule's commit: from the person's own checkout where that has it, else from its URL.

    Raises:
        InvalidInput: if its name or its URL is none that Genie opens.
        GitFailed: if the commit cannot be had.
    """
    store = _store(home, mirror, submodule)
    url = await _url(mirror, submodule)
    (store / "objects").mkdir(parents=True, exist_ok=True)
    (store / "refs").mkdir(exist_ok=True)
    (store / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    (store / "config").write_text(CONFIG, encoding="ascii")
    git = Git(store, mirror.env, AS_IT_IS, {"GIT_DIR": str(store)})
    wanted = f"+{submodule.commit}:refs/genie/{submodule.commit}"
    said = ""
    for source in (*await _own_copies(mirror, submodule), url):
        for refs in (wanted, "+refs/heads/*:refs/genie/heads/*"):
            if await commit_of(git, submodule.commit) is not None:
                return store
            done = await git.call(*FETCH, "--quiet", "--end-of-options", source, refs, seconds=FETCH_SECONDS, network=True)
            said = said or done.errors
    if await commit_of(git, submodule.commit) is not None:
        return store
    message = f"its commit {submodule.commit[:12]} is not to be had from {url}: {' '.join(said.split())[-200:]}"
    raise GitFailed(message)


def _store(home: Path, mirror: Mirror, submodule: Submodule) -> Path:
    """One for each address in each repository: what one repository may see is not for another."""
    named = f"{mirror.location}\0{submodule.name}\0{submodule.url}"
    return home.resolve() / FOLDER / f"{hashlib.sha256(named.encode(errors='surrogateescape')).hexdigest()[:24]}.git"


async def _url(mirror: Mirror, submodule: Submodule) -> str:
    """Where the submodule is, as git reads its address; a path only where the repository is one too.

    Raises:
        InvalidInput: if it is an address that Genie does not open.
    """
    given = submodule.url
    if not _NAME.fullmatch(submodule.name) or ".." in PurePosixPath(submodule.name).parts:
        message = f"{submodule.name!r} is no name of a submodule"
        raise InvalidInput(message)
    if given.startswith("-") or any(char < " " for char in given):
        message = f"{given!r} is no address of a repository"
        raise InvalidInput(message)
    if given.startswith(("./", "../")):
        given = _joined(await _origin(mirror), given)
    if is_url(given):
        refuse_credentials(given)
        if urlsplit(given).scheme != "file":
            return given
    if mirror.is_path and (given.startswith(("/", "file:///"))):
        return given
    message = f"{given!r} is a path, and is not opened for a repository that was given by URL"
    raise InvalidInput(message)


async def _origin(mirror: Mirror) -> str:
    """What relative addresses are relative to: where the person's own checkout came from, or else the repository."""
    if not mirror.is_path:
        return mirror.location
    found = await Git(Path(mirror.location), mirror.env).call("config", "--get", "remote.origin.url")
    return found.text.strip() if found.code == 0 and found.text.strip() else mirror.location


def _joined(origin: str, relative: str) -> str:
    if "://" in origin:
        scheme, _, rest = origin.partition("://")
        host, _, path = rest.partition("/")
        return f"{scheme}://{host}{os.path.normpath(f'/{path}/{relative}')}"
    host, colon, path = origin.rpartition(":") if not origin.startswith("/") else ("", "", origin)
    return f"{host}{colon}{os.path.normpath(f'{path}/{relative}')}"


async def _own_copies(mirror: Mirror, submodule: Submodule) -> tuple[str, ...]:
    """Where the person's checkout keeps the submodule, if it does: nothing has to be fetched over a network then."""
    if not mirror.is_path:
        return ()
    done = await Git(Path(mirror.location), mirror.env).call("rev-parse", "--path-format=absolute", "--git-common-dir")
    modules = Path(done.text) / "modules" / submodule.name
    return (str(modules),) if done.code == 0 and (modules / "HEAD").is_file() else ()


def _git(worktree: Worktree, store: Path, place: Path, index: Path) -> Git:
    variables = {"GIT_DIR": str(store), "GIT_WORK_TREE": str(place), "GIT_INDEX_FILE": str(index)}
    return Git(place, worktree.mirror.env, (*AS_IT_IS, "core.bare=false"), variables)


def _place(worktree: Worktree, path: str) -> Path | None:
    """Where a submodule belongs; None where a link stands in the way, or something that is no folder."""
    place = worktree.path / path
    if ".." in PurePosixPath(path).parts or place.resolve() != worktree.path.resolve() / path:
        return None
    return place if place.is_dir() or not os.path.lexists(place) else None


def _has_files(place: Path) -> bool:
    return place.is_dir() and any(place.iterdir())


def _empty(place: Path) -> None:
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
