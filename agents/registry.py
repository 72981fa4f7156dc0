"""Finding the workflows: those that come with Genie, those of the repository, and those of this installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, Self

from pydantic import BaseModel

from agents.loading import load_folder, load_folder_from_files
from agents.workflow import Workflow
from epics.errors import InvalidInput, InvalidWorkflow, WorkflowNotFound

PACKAGE: Final = Path(__file__).parent
REPOSITORY: Final = PurePosixPath(".genie/agents")
"""Where a repository keeps workflows of its own; they are read from its base branch, never from a work tree."""


@dataclass(frozen=True, kw_only=True)
class BrokenWorkflow:
    """A folder that could not be loaded, and why."""

    name: str
    folder: Path
    error: str


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Every workflow by its name, and the folders that are broken.

    A workflow of the repository stands in for one of Genie's with the same name, and one of this installation for both. It must
    hand back the same type. A broken one stands in too: to use another in its place without a word would surprise its author.
    """

    workflows: Mapping[str, Workflow]
    broken: tuple[BrokenWorkflow, ...] = ()

    @classmethod
    def discover(cls, *, agents_dir: Path | None = None, base_branch: Mapping[str, str] | None = None) -> Self:
        """Load all that there is; `base_branch` has the texts of the files below `.genie/agents/`, by path in the repository.

        Raises:
            InvalidInput: if `agents_dir` is no folder; a broken workflow raises nothing.
        """
        workflows: dict[str, Workflow] = {}
        broken: dict[str, BrokenWorkflow] = {}
        outputs: dict[str, type[BaseModel]] = {}
        for load in [*_in_folder(PACKAGE), *_in_texts(base_branch or {}), *(_in_folder(agents_dir) if agents_dir else ())]:
            entry = load(outputs)
            workflows.pop(entry.name, None)
            broken.pop(entry.name, None)
            if isinstance(entry, Workflow):
                workflows[entry.name] = entry
                outputs[entry.name] = entry.output
            else:
                broken[entry.name] = entry
        return cls(workflows=dict(sorted(workflows.items())), broken=tuple(broken[name] for name in sorted(broken)))

    def get(self, name: str) -> Workflow:
        """Return the workflow `name`.

        Raises:
            InvalidWorkflow: if its folder is broken, with the file and the line.
            WorkflowNotFound: if there is none, naming those that there are.
        """
        if name in self.workflows:
            return self.workflows[name]
        for broken in self.broken:
            if broken.name == name:
                raise InvalidWorkflow(broken.error)
        raise WorkflowNotFound(f"there is no workflow {name!r}; there are {', '.join(sorted(self.workflows))}")


CODE: Final = "agent.py"

_Load = Callable[[Mapping[str, type[BaseModel]]], Workflow | BrokenWorkflow]
"""Loads one folder, given what its namesakes hand back."""


def _in_folder(place: Path) -> list[_Load]:
    if not place.is_dir():
        raise InvalidInput(f"{place} is not a folder with workflows: make it, or unset GENIE_AGENTS_DIR")
    # A folder with code is an agent written in Python, which agents/catalog.py finds.
    return [partial(_load, folder.name, folder, None) for folder in folders_in(place) if not (folder / CODE).exists()]


def folders_in(place: Path) -> list[Path]:
    """Return the folders in which workflows and agents are looked for."""
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))


def _in_texts(files: Mapping[str, str]) -> list[_Load]:
    folders: dict[str, dict[str, str]] = {}
    for path, text in files.items():
        parts = PurePosixPath(path).parts
        if parts[:2] == REPOSITORY.parts and len(parts) == len(REPOSITORY.parts) + 2:
            folders.setdefault(parts[2], {})[parts[3]] = text
    return [partial(_load, name, Path(REPOSITORY / name), texts) for name, texts in sorted(folders.items())]


def _load(name: str, folder: Path, texts: Mapping[str, str] | None, outputs: Mapping[str, type[BaseModel]]) -> Workflow | BrokenWorkflow:
    if texts is not None and CODE in texts:
        error = f"{folder / CODE}:1: code of a repository is never run here: put the agent into GENIE_AGENTS_DIR"
        return BrokenWorkflow(name=name, folder=folder, error=error)
    try:
        if texts is None:
            return load_folder(folder, must_return=outputs.get(name))
        return load_folder_from_files(name, texts, folder=folder, must_return=outputs.get(name))
    except InvalidWorkflow as exc:
        return BrokenWorkflow(name=name, folder=folder, error=str(exc))
