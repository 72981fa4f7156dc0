"""Every agent by its name, of both kinds: workflows, which are folders of data, and agents written in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Self

from agents.python_agent import BrokenAgent, PythonAgent
from agents.python_loading import ENTRY_POINTS, FILE, load_agent, load_entry_point, place_of_point
from agents.registry import PACKAGE, Registry, folders_in
from agents.workflow import Workflow
from epics.agent_errors import InvalidAgent
from epics.errors import WorkflowNotFound


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All that can be run by its name, and what is broken; a name stands for one thing of either kind.

    Where two have a name, the agent written in Python is broken, and says where both are: neither is run in the other's place. Steps of
    epics take their workflows from the registry, so that no agent is in their way.
    """

    registry: Registry
    agents: Mapping[str, PythonAgent]
    broken: tuple[BrokenAgent, ...] = ()

    @classmethod
    def discover(
        cls,
        *,
        agents_dir: Path | None = None,
        base_branch: Mapping[str, str] | None = None,
        points: Iterable[EntryPoint] | None = None,
    ) -> Self:
        """Load all that there is; code that has changed since it was loaded is loaded again.

        Args:
            agents_dir: the folder of this installation's own.
            base_branch: the texts of the files below `.genie/agents/` of a repository, whose code is never run.
            points: entry points; those of the installed distributions if None.

        Raises:
            InvalidInput: if `agents_dir` is no folder; what is broken raises nothing.
        """
        registry = Registry.discover(agents_dir=agents_dir, base_branch=base_branch)
        found = [*_in_folder(PACKAGE), *(_in_folder(agents_dir) if agents_dir else ()), *_by_entry_point(points)]
        taken = {name: str(workflow.folder) for name, workflow in registry.workflows.items()}
        taken |= {broken.name: str(broken.folder) for broken in registry.broken}
        agents: dict[str, PythonAgent] = {}
        broken: dict[str, BrokenAgent] = {}
        for entry in found:
            if (other := taken.setdefault(entry.name, entry.place)) != entry.place:
                agents.pop(entry.name, None)
                error = f"{entry.place}: there are two agents named {entry.name!r}, the other in {other}: rename one"
                broken[entry.name] = BrokenAgent(name=entry.name, place=entry.place, error=error)
            elif isinstance(entry, PythonAgent):
                agents[entry.name] = entry
            else:
                broken[entry.name] = entry
        return cls(registry=registry, agents=dict(sorted(agents.items())), broken=tuple(broken[name] for name in sorted(broken)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all that can be run."""
        return tuple(sorted({*self.registry.workflows, *self.agents}))

    def get(self, name: str) -> Workflow | PythonAgent:
        """Return what has that name.

        Raises:
            InvalidAgent: if it is an agent that is broken, with the file and the line.
            InvalidWorkflow: the same of a workflow.
            WorkflowNotFound: if there is neither, naming those that there are.
        """
        for broken in self.broken:
            if broken.name == name:
                raise InvalidAgent(broken.error)
        if name in self.agents:
            return self.agents[name]
        try:
            return self.registry.get(name)
        except WorkflowNotFound as error:
            raise WorkflowNotFound(
                f"there is no workflow {name!r}, and no agent of that name; there are {', '.join(self.names)}"
            ) from error


def agent_named(name: str, agents_dir: Path | None = None) -> Workflow | PythonAgent:
    """Return what `Catalog.get` does, without reading all that there is where one agent alone has the name.

    Raises:
        InvalidAgent: if it is broken, or the name stands for more.
        WorkflowNotFound: if there is none.
    """
    places = [place / name for place in (PACKAGE, agents_dir) if place is not None and (place / name).is_dir()]
    if [place.name for place in places] == [name] and (places[0] / FILE).exists() and name not in {point.name for point in _installed()}:
        return load_agent(_place_of(places[0]))
    return Catalog.discover(agents_dir=agents_dir).get(name)


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """Those of the installed distributions, read once: to look through all of them takes longer than a run."""
    return tuple(entry_points(group=ENTRY_POINTS))


def _place_of(folder: Path) -> Path:
    """One path for each folder, with the name that it has there: it may be a link."""
    return folder.parent.resolve() / folder.name


def _in_folder(place: Path) -> list[PythonAgent | BrokenAgent]:
    folders = [_place_of(folder) for folder in folders_in(place) if (folder / FILE).exists()]
    return [_loaded(partial(load_agent, folder), folder.name, str(folder)) for folder in folders]


def _by_entry_point(points: Iterable[EntryPoint] | None) -> list[PythonAgent | BrokenAgent]:
    given = _installed() if points is None else points
    return [_loaded(partial(load_entry_point, point), point.name, place_of_point(point)) for point in given]


def _loaded(load: Callable[[], PythonAgent], name: str, place: str) -> PythonAgent | BrokenAgent:
    try:
        return load()
    except InvalidAgent as error:
        return BrokenAgent(name=name, place=place, error=str(error))
