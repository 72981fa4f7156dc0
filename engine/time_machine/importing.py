"""Importing a history that `export_history` wrote: the epic as it was, on this machine, whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from db.connection import Pool
from db.histories import KINDS, NewHistory, SavedCheckpoint, is_id_free, put_history
from db.packs import Pack
from engine.approvals.terms import terms_by_gate
from engine.assembling import Installation, policy_at
from engine.time_machine.saved import History, Manifest
from engine.time_machine.saved_file import read_history, unpack_bundle
from epics.errors import Environment, InvalidInput, RepositoryUnusable
from epics.ids import new_id
from epics.records import Record
from epics.state import TERMINAL
from epics.steps import Step
from timemachine.bundles import take_bundle
from timemachine.commits import is_ancestor
from timemachine.founding import found_repository
from timemachine.mirrors import Mirror, protect_all
from timemachine.packs import make_pack, outside_of
from timemachine.repositories import inspect_repository
from timemachine.workspace import open_workspace

FOLDER: Final = "imported"
_NEAR: Final = 3
"""Against how many of the commits before it a pack is thin."""


class Imported(Record):
    """What an import made."""

    epic: str
    was: str
    """The id that it had where it was exported."""
    status: str
    repo: str
    moments: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the imported epic goes."""

    epic_id: str
    repo: str
    mirror: Mirror
    base_tip: str


async def import_history(installation: Installation, file: Path, *, repo: str | None = None) -> Imported:
    """Make the epic of a file here: on a repository of its own, made from the file, or on one that is there.

    It keeps its id where that is free. One that had not ended is paused, and approves nothing by itself any more. The database takes it
    in one transaction; what is left of an import that fails before that is objects that no ref names.

    Args:
        installation: where it goes.
        file: what `export_history` wrote, by whomever: nothing in it is believed.
        repo: a path or URL of the repository that it was made on; None to make one.

    Raises:
        InvalidInput: if the file is not a whole history.
        SchemaMismatch: if a newer Genie made it.
        RepositoryUnusable: if `repo` is not the repository that the epic began in.
    """
    manifest, history = read_history(file)
    home = installation.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="import-") as folder:
        bundle = Path(folder) / "history.bundle"
        unpack_bundle(file, manifest, bundle)
        epic_id = await _id_for(installation.database.pool, history)
        own = _own_folder(home, epic_id) if repo is None else None
        try:
            place = await _place(installation, history, epic_id, repo or await _found(installation, history, epic_id, bundle, own), bundle)
            new = await _new_history(installation, history, manifest, place)
            await put_history(installation.database.pool, new)
        except BaseException:
            if own is not None:
                # Made a moment ago, by us alone.
                shutil.rmtree(own, ignore_errors=True)
            raise
    counts = {"moments": len(history.moments), "attempts": len(history.attempts)}
    return Imported(epic=epic_id, was=history.epic.id, status=new.epic["status"], repo=place.repo, **counts)


async def _id_for(pool: Pool, history: History) -> str:
    """Its own id, or a new one where that is taken."""
    own = history.epic.id
    if await is_id_free(pool, own, [row.id for row in history.approvals]):
        return own
    while not await is_id_free(pool, given := new_id("e"), []):
        continue
    return given


def _own_folder(home: Path, epic_id: str) -> Path:
    """Make a folder for the repository of an imported epic, and return it; one that is there is somebody's."""
    for name in (epic_id, *(f"{epic_id}-{number}" for number in range(2, 1000))):
        with suppress(FileExistsError):
            (home / FOLDER / name).mkdir(parents=True)
            return home / FOLDER / name
    raise Environment(f"there is no free name for epic {epic_id} in {home / FOLDER}: take away what is not needed there")


async def _found(installation: Installation, history: History, epic_id: str, bundle: Path, folder: Path | None) -> str:
    """Make a repository from the bundle, with the base branch and the branches of the attempts, and the name that it had."""
    if folder is None:
        raise AssertionError
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", history.epic.repo.rstrip("/").rpartition("/")[2]).strip("-.")[:80] or "repository"
    branches = {history.epic.base: history.base_tip or history.epic.base_commit}
    for row in history.attempts:
        if row.branch is not None:
            branches[row.branch.replace(history.epic.id, epic_id)] = row.result.commit if row.result else row.base_commit
    await found_repository(folder / name, installation.git_environment, bundle, branches, head=history.epic.base)
    return str(folder / name)


async def _place(installation: Installation, history: History, epic_id: str, repo: str, bundle: Path) -> _Place:
    facts = await inspect_repository(repo, history.epic.base, installation.git_environment)
    workspace = await open_workspace(installation.home, facts.location, installation.git_environment)
    mirror = workspace.mirror
    tip = await mirror.fetch_base(facts.base)
    commits = history.commits()
    await take_bundle(mirror.git, bundle, commits)
    if not await is_ancestor(mirror.git, history.epic.base_commit, tip):
        message = (
            f"{facts.location} is not the repository of epic {history.epic.id}: its branch {facts.base} does not hold the commit "
            f"{history.epic.base_commit[:12]}, where the epic began; name another --repo, or none to have one made"
        )
        raise RepositoryUnusable(message)
    await protect_all(mirror, commits)
    return _Place(epic_id=epic_id, repo=facts.location, mirror=mirror, base_tip=tip)


async def _new_history(installation: Installation, history: History, manifest: Manifest, place: _Place) -> NewHistory:
    """The rows as they are to be here: the place, the ids and the status are this machine's."""
    known = {row.id: f"a-{sha256(f'{place.epic_id} {row.id}'.encode()).hexdigest()[:10]}" for row in history.approvals}
    names = {history.epic.id: place.epic_id, **known} if place.epic_id != history.epic.id else {}
    try:
        checkpoints = [_renamed_state(saved, names) for saved in history.saved_checkpoints()]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"the checkpoints in the file are not those of an epic: {' '.join(str(error).split())[:200]}") from error
    # Not the journal: what was said and answered stays to the letter.
    rows = {kind: [row if isinstance(row, dict) else row.model_dump(mode="json") for row in getattr(history, kind)] for kind in KINDS}
    rows = {kind: found if kind in {"turns", "briefs", "sayings"} else _renamed(found, names) for kind, found in rows.items()}
    # The row that says so makes the deed's own record here.
    rows["effects"] = [row for row in rows["effects"] if row.get("kind") != "pull_request"]
    epic = history.epic.model_dump(mode="json")
    was = epic["status"]
    paused = {"status": "paused", "problem": f"imported from Genie {manifest.genie}, where it was {was}"} if was not in TERMINAL else {}
    changed = {**epic, **paused, "repo": place.repo, "auto_approve": False, "approval_terms": None}
    # What it taught was learned where it happened.
    changed["imported_at"] = epic["last_moment"]
    if was not in TERMINAL:
        _check_unmerged(history)
        policy = await policy_at(place.mirror, place.base_tip)
        changed |= {"approval_terms": terms_by_gate(installation, policy, place.repo) or None, "waiting_on": _ask_here(rows)}
    source = {
        "from": history.epic.id,
        "repo": history.epic.repo,
        "genie": manifest.genie,
        "was": was,
        "forked_from": history.epic.forked_from,
    }
    return NewHistory(
        epic_id=place.epic_id,
        epic={**_renamed(changed, names), "repo": place.repo},
        rows=rows,
        checkpoints=checkpoints,
        packs=await _packs(history.commits(), place),
        event={**source, "forked_from": history.epic.forked_from},
    )


def _check_unmerged(history: History) -> None:
    """Refuse what goes on with a merge: it was approved elsewhere, under terms that nobody here knows."""
    states = history.states()
    if states and states[max(states, key=str)].step is Step.MERGE:
        raise InvalidInput("the epic is at its merge, which was approved where it was: let it end there, or take it back to its gate first")


def _ask_here(rows: dict[str, list[Any]]) -> str | None:
    """Let what was asked elsewhere, and nobody had gone on with, be asked here, under the terms of here; return the approval."""
    asked = [row for row in rows["approvals"] if _is_open(row)]
    ids = {row["id"] for row in asked}
    rows["approvals"] = [_opened_anew(row) if row["id"] in ids else row for row in rows["approvals"]]
    rows["approval_votes"] = [vote for vote in rows["approval_votes"] if vote.get("approval_id") not in ids]
    return str(asked[-1]["id"]) if asked else None


def _is_open(row: Mapping[str, Any]) -> bool:
    return row.get("status") == "pending" or (
        row.get("decision") is not None and row.get("applied_at") is None and row.get("status") != "expired"
    )


def _opened_anew(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "gate", "moment", "content_hash", "question", "options", "summary", "scope", "requested_at")
    return {**{name: row[name] for name in kept if name in row}, "status": "pending"}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:  # any JSON
    """JSON in which each id that is another one here is the other one, in the names of branches too."""
    if not names:
        return value
    text = json.dumps(value)
    for old, new in names.items():
        text = text.replace(old, new)
    return json.loads(text)


def _renamed_state(saved: SavedCheckpoint, names: Mapping[str, str]) -> SavedCheckpoint:
    if not names:
        return saved
    state = {name: _renamed_field(value, names) for name, value in saved.state.items()}
    return SavedCheckpoint(
        id=saved.id, parent=saved.parent, checkpoint=saved.checkpoint, metadata=saved.metadata, state=state, waiting=saved.waiting
    )


def _renamed_field(value: Any, names: Mapping[str, str]) -> Any:  # a field of the state
    if isinstance(value, Record):
        return type(value).model_validate(_renamed(value.model_dump(mode="json"), names))
    if isinstance(value, str) and type(value) is str:
        return _renamed(value, names)
    return value


async def _packs(commits: Sequence[str], place: _Place) -> list[Pack]:
    """What any other host needs of the commits: by name alone what is on the base branch, the rest thin against what comes before it."""
    outside = frozenset(await outside_of(place.mirror, commits, place.base_tip))
    packs = list[Pack]()
    for commit in commits:
        if commit not in outside:
            packs.append(Pack(commit=commit))
            continue
        near = dict.fromkeys((*(pack.commit for pack in packs[:1]), *(pack.commit for pack in packs[-_NEAR:])))
        packs.append(Pack(commit=commit, data=await make_pack(place.mirror, commit, near), needs=tuple(near)))
    return packs
