"""Reading a saved history as it is, without importing it: what a replay of a file needs."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.time_machine.recorded import Recorded, recorded_of
from engine.time_machine.saved import Manifest
from engine.time_machine.saved_file import read_history, unpack_bundle
from timemachine.bundles import take_bundle
from timemachine.founding import found_repository
from timemachine.mirrors import protect_all
from timemachine.workspace import Workspace, open_workspace


def read_saved(path: Path) -> tuple[Manifest, Recorded]:
    """What a replay needs of a file, without importing it; `unpack_bundle` gives the commits.

    Raises:
        InvalidInput: if it is not a whole history.
        SchemaMismatch: if a newer Genie made it.
    """
    manifest, history = read_history(path)
    briefs = {brief["attempt"]: brief["text"] for brief in history.briefs}
    rows: dict[str, list[dict[str, Any]]] = {
        "moments": [row.model_dump() for row in history.moments],
        "attempts": [{**row.model_dump(), "brief": briefs.get(row.n)} for row in history.attempts],
        "turns": [row.model_dump() for row in history.turns],
        "sayings": [row.model_dump() for row in history.sayings if row.told_at is not None],
        "approvals": [row.model_dump() for row in history.approvals],
        "rollbacks": [dict(row) for row in history.rollbacks],
    }
    return manifest, recorded_of(history.epic.model_dump(), rows, history.states())


@asynccontextmanager
async def open_saved(path: Path, env: Mapping[str, str]) -> AsyncGenerator[tuple[Recorded, Workspace]]:
    """What is recorded in a file, and a workspace with all the commits that it names, which is gone in the end.

    Args:
        path: the file.
        env: what git needs.

    Raises:
        InvalidInput: if it is not a whole history.
        SchemaMismatch: if a newer Genie made it.
    """
    manifest, recorded = read_saved(path)
    with tempfile.TemporaryDirectory(prefix="genie-saved-") as folder:
        bundle, home = Path(folder) / "history.bundle", Path(folder) / "home"
        unpack_bundle(path, manifest, bundle)
        # Under the name that it had: it stands in what agents are told.
        place = home / "imported" / (Path(recorded.epic.repo).name or "repository")
        await found_repository(place, env, bundle, {recorded.epic.base: recorded.epic.base_commit}, head=recorded.epic.base)
        workspace = await open_workspace(home, str(place), env)
        await workspace.mirror.fetch_base(recorded.epic.base)
        await take_bundle(workspace.mirror.git, bundle, recorded.commits())
        await protect_all(workspace.mirror, recorded.commits())
        yield recorded, workspace
