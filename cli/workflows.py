"""Workflows and agents written in Python listed, shown and checked, from the folders as they are on disk."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from agents.catalog import Catalog
from agents.loading import load_folder
from agents.python_agent import PythonAgent
from agents.python_loading import load_agent
from agents.registry import CODE, REPOSITORY
from agents.workflow import Workflow
from cli.errors import ExitCode
from cli.left_out import left_out_here
from cli.output import Output, printable
from cli.render import clean, facts, heading, table
from cli.words import seconds, usd
from config.settings import Settings
from engine.views import Page
from engine.workflow_views import WorkflowView, agent_views, view_of
from epics.errors import InvalidInput


async def list_workflows(output: Output, *, repo: Path | None) -> int:
    """List every workflow, and every agent written in Python."""
    out = await left_out_here(Settings.from_env())
    views = tuple(view.model_copy(update={"left_out": out.get(view.name, "")}) for view in agent_views(_catalog(repo)))
    output.answer(record=Page[WorkflowView](items=views), parts=[_table(views)])
    return ExitCode.DONE


async def show(name: str, output: Output, *, repo: Path | None) -> int:
    """Show one workflow with its prompt.

    Raises:
        WorkflowNotFound: if there is none of that name.
        InvalidWorkflow: if it is broken.
        InvalidAgent: the same of an agent written in Python.
    """
    found = _catalog(repo).get(name)
    prompt = found.made_by.prompt if isinstance(found, PythonAgent) else found.prompt
    output.answer(record=view_of(found), parts=_parts(view_of(found), prompt))
    return ExitCode.DONE


async def check(folder: Path | None, output: Output, *, repo: Path | None) -> int:
    """Load one folder or all of them, and say what is wrong with each.

    Raises:
        InvalidInput: if the folder does not exist.
        InvalidWorkflow: if the one folder that was named is broken.
    """
    if folder is not None and not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}: name the folder of one workflow or agent")
    views = (view_of(_in_folder(folder.resolve())),) if folder else agent_views(_catalog(repo))
    output.answer(record=Page[WorkflowView](items=views), parts=[_verdict(view) for view in views])
    return ExitCode.USAGE if any(view.error for view in views) else ExitCode.DONE


def _in_folder(folder: Path) -> Workflow | PythonAgent:
    return load_agent(folder) if (folder / CODE).exists() else load_folder(folder)


def _catalog(repo: Path | None) -> Catalog:
    """What an epic on the checkout's present files would find; epics themselves read the base branch."""
    texts: dict[str, str] = {}
    if repo is not None:
        if not repo.is_dir():
            raise InvalidInput(f"there is no folder {repo}: name a checkout")
        for path in sorted((repo / REPOSITORY).rglob("*")):
            if path.is_file():
                texts[path.relative_to(repo).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return Catalog.discover(agents_dir=Settings.from_env().agents_dir, base_branch=texts)


def _table(views: tuple[WorkflowView, ...]) -> RenderableType:
    rows: list[tuple[str | Text, ...]] = []
    for view in views:
        if view.error:
            rows.append((Text(view.name, style="bold red"), Text("broken", style="red"), "", "", clean(view.error, 400)))
        else:
            description = (
                Text("left out ", style="yellow").append(clean(view.left_out, 400)) if view.left_out else clean(view.description, 200)
            )
            # What an agent hands back is its own code's affair.
            handed = "—" if view.kind == "agent" else view.output
            rows.append((Text(view.name, style="bold"), handed, str(view.turns), str(len(view.tools)), description))
    return table(("AGENT", "HANDS BACK", "TURNS", "TOOLS", "DESCRIPTION"), rows, right=("TURNS", "TOOLS"))


def _parts(view: WorkflowView, prompt: str) -> list[RenderableType]:
    limits = [f"{view.turns} turns", seconds(view.seconds or 0), usd(view.usd) if view.usd else ""]
    rows = facts(
        [
            (view.kind, Text(view.name, style="bold")),
            ("does", clean(view.description, 500)),
            ("hands back", "" if view.kind == "agent" else view.output),
            ("skills", clean(", ".join(view.skills), 500)),
            ("tools", ", ".join(view.tools) or "none"),
            ("limits", " · ".join(filter(None, limits))),
            ("may change", ", ".join(view.allowed) or "nothing"),
            ("leaves alone", ", ".join(view.forbidden)),
            ("asks before", ", ".join(view.needs_approval)),
            ("network", ", ".join(view.hosts) or view.network),
            ("MCP servers", ", ".join(view.mcp_servers)),
            ("executor", view.executor or ""),
            ("models", ", ".join(view.models)),
            ("aliases", ", ".join(f"{name} = {model}" for name, model in view.aliases.items())),
            ("prompt names", ", ".join(view.variables)),
            ("after a crash", view.on_crash),
            ("folder", view.folder),
        ]
    )
    return [rows, heading("Prompt"), Text(printable(prompt))]


def _verdict(view: WorkflowView) -> RenderableType:
    if view.error:
        return Text(f"✗ {printable(view.error)}", style="red")
    return Text(f"✓ {view.name}", style="green")
