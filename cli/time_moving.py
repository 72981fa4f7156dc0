"""Moving the history of an epic to another machine: exported into one file, imported from it."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, facts
from cli.words import local, many, size
from config.settings import Settings
from db.backup import new_file
from engine.engine import Engine
from engine.time_machine.importing import Imported
from engine.time_machine.saved import Manifest


async def export(engine: Engine, epic: str, path: Path, output: Output, settings: Settings, *, overwrite: bool) -> int:
    """Write the history of an epic into a file that only its owner can read."""
    epic_id = (await engine.epic(epic)).id
    with new_file(path, overwrite=overwrite, what="the history") as target:
        manifest = await engine.keeping.export(epic_id, target, secrets=settings.secret_values())
    removed = many(manifest.secrets_removed, "secret") if manifest.secrets_removed else "no secret was found"
    parts: list[RenderableType] = [
        facts(
            [
                ("wrote", f"{path}: {size(path.stat().st_size)}"),
                ("epic", _sentence(manifest)),
                ("removed", f"{removed} in texts: prompts, answers, outputs, comments"),
                ("pruned", f"the state of {many(manifest.pruned_moments, 'moment')}, by retention" if manifest.pruned_moments else ""),
            ]
        ),
        Text("files and commit messages in git are as they are: look for secrets in them before you give the file away", style="yellow"),
    ]
    output.answer(record=manifest, parts=parts)
    return ExitCode.DONE


async def import_(engine: Engine, path: Path, output: Output, *, repo: str | None) -> int:
    """Make the epic of an exported file here."""
    imported = await engine.keeping.take_in(path, repo=repo)
    output.answer(record=imported, parts=[facts(_rows(imported))])
    return ExitCode.DONE


def _rows(imported: Imported) -> list[tuple[str, str | Text | None]]:
    epic = imported.epic
    return [
        ("epic", Text(epic, style="bold")),
        ("was", imported.was if imported.was != epic else ""),
        ("status", imported.status),
        ("repository", clean(imported.repo, 500)),
        ("holds", f"{many(imported.moments, 'moment')}, {many(imported.attempts, 'attempt')}"),
        ("look at it with", f"genie time history {epic}"),
        ("check it with", f"genie replay {epic} --verify"),
        ("go on with", f"genie epic resume {epic}" if imported.status == "paused" else ""),
    ]


def _sentence(manifest: Manifest) -> str:
    held = f"{many(manifest.moments, 'moment')}, {many(manifest.attempts, 'attempt')}, {many(manifest.turns, 'turn')}"
    return f"{manifest.epic} ({manifest.status}) as of {local(manifest.as_of)}: {held}"
