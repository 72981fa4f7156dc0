"""Exporting a history: all that is recorded of one epic, and every commit that it names, in one file without secrets."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Final

from db.epics import Row, fetch_one
from db.histories import read_checkpoints, read_rows
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.time_machine.saved import FORMAT, History, Manifest, checkpoints_as_json
from engine.time_machine.saved_file import as_bytes, write_saved
from engine.webhook_secrets import known_webhook_secrets
from epics.errors import EpicNotFound
from epics.state import Ended
from epics.upgrades import THIS_RELEASE
from safety.scrubbing import Scrubber
from timemachine.bundles import make_bundle
from timemachine.workspace import open_workspace

DISTRIBUTION: Final = "genie-orchestrator"

_EXACT: Final = frozenset({"id", "base", "base_commit", "branch", "head", "commit", "tree", "status", "step", "request_hash"})
"""Columns that lead to something and are no text."""


async def export_history(installation: Installation, epic_id: str, target: BinaryIO, *, secrets: Collection[str]) -> Manifest:
    """Write a file from which `import_history` makes the epic elsewhere.

    Args:
        installation: where the epic is.
        epic_id: the epic; somebody may be at work on it, and what is written is as of one instant.
        target: where to; need not be seekable.
        secrets: values that must not be in the file, beside all that looks like a secret.

    Raises:
        EpicNotFound: if there is no such epic.
        RepositoryUnusable: if a commit that it names cannot be had any more.
    """
    found = await read_rows(installation.database.pool, epic_id)
    facts = await fetch_one(installation.database.pool, "epic_facts", {"epic": epic_id})
    if found is None or facts is None:
        message = f"there is no epic {epic_id!r}: see `genie epic list`"
        raise EpicNotFound(message)
    epic, rows = found
    workspace = await open_workspace(installation.home, epic["repo"], installation.git_environment)
    mirror = workspace.mirror
    scrubber = Scrubber((*secrets, *await known_webhook_secrets(installation.database.pool)))
    records = await _records(installation, epic, rows, scrubber)
    history = History.model_validate(records)
    records["base_tip"] = tip = _base_tip(history)
    commits = (*history.commits(), tip)
    await bring_to_read(installation.database.pool, mirror, facts, commits)
    content = as_bytes(records)
    # Beside the mirror: it may be as large, and the system's own place for such files is often small.
    with tempfile.TemporaryDirectory(dir=workspace.home, prefix="export-") as folder:
        bundle = Path(folder) / "history.bundle"
        await make_bundle(mirror, commits, bundle)
        manifest = Manifest(
            format=FORMAT,
            genie=version(DISTRIBUTION),
            epic=epic_id,
            status=epic["status"],
            repo=records["epic"]["repo"],
            as_of=epic["updated_at"],
            graph_version=epic["graph_version"],
            state_version=THIS_RELEASE.state,
            moments=len(rows["moments"]),
            attempts=len(rows["attempts"]),
            turns=len(rows["turns"]),
            pruned_moments=len(rows["moments"]) - len(records["checkpoints"]),
            secrets_removed=scrubber.found,
            records_bytes=len(content),
            records_sha256=hashlib.sha256(content).hexdigest(),
            history_bytes=bundle.stat().st_size,
            history_sha256=_hash_of(bundle),
        )
        write_saved(target, content, bundle, manifest)
    return manifest


async def _records(installation: Installation, epic: Row, rows: dict[str, list[Row]], scrubber: Scrubber) -> dict[str, Any]:
    named = [row["checkpoint_id"] for row in rows["moments"]]
    checkpoints, values = checkpoints_as_json(await read_checkpoints(installation.database.pool, epic["id"], named))
    clean = {kind: _scrubbed(scrubber, found) for kind, found in rows.items() if kind != "turns"}
    touched = {brief["attempt"] for brief, before in zip(clean["briefs"], rows["briefs"], strict=True) if brief != before}
    return {
        "epic": _scrubbed(scrubber, [{**epic, "state_version": THIS_RELEASE.state}])[0],
        "base_tip": None,
        **clean,
        "turns": _turns(scrubber, rows, touched),
        "checkpoints": checkpoints,
        "values": {name: dict(zip(known, scrubber.json(list(known.values())), strict=True)) for name, known in values.items()},
    }


def _scrubbed(scrubber: Scrubber, rows: Sequence[Row]) -> list[Row]:
    return [{name: value if name in _EXACT else scrubber.json(value) for name, value in row.items()} for row in rows]


def _turns(scrubber: Scrubber, rows: dict[str, list[Row]], touched: set[int]) -> list[Row]:
    """Turns without secrets; nothing identifies a request any more once something of its conversation was taken out."""
    continues, clean = {row["n"]: row["continues"] for row in rows["attempts"]}, list[Row]()
    for row in rows["turns"]:
        attempt, before = row["attempt"], scrubber.found
        texts = {name: scrubber.json(row[name]) for name in ("request", "answer", "results")}
        if scrubber.found > before or continues.get(attempt) in touched:
            touched.add(attempt)
        clean.append({**row, **texts, "request_hash": "" if attempt in touched else row["request_hash"]})
    return clean


def _base_tip(history: History) -> str:
    """Where the base branch was when the epic saw it last: what an import without a repository of its own makes one from."""
    epic = history.epic
    if epic.status == Ended.MERGED.value and epic.head is not None:
        return epic.head
    newest = next((moment.checkpoint_id for moment in history.moments if moment.n == epic.moment), "")
    state = history.states().get(newest)
    return state.base if state is not None and state.base else epic.base_commit


def _hash_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
