"""The MCP servers of workflows listed, tried, and their tools accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import RenderableType
from rich.text import Text

from agents.catalog import Catalog
from agents.registry import REPOSITORY
from cli.errors import ExitCode
from cli.inputs import repository_at
from cli.output import Output
from cli.render import clean, table
from cli.words import ago, many, seconds
from config.settings import Settings
from engine.engine import Engine
from engine.mcp.for_faces import NamedServer
from engine.mcp.views import McpServerView, McpToolView, PinView
from engine.views import Page
from epics.errors import InvalidInput, NotFound


def servers_in(settings: Settings, repo: Path | None, name: str | None = None) -> tuple[NamedServer, ...]:
    """The servers that workflows and agents name, as their files are on disk.

    Raises:
        NotFound: if none has the name that was given.
        InvalidInput: if the checkout is none.
    """
    if repo is not None and not repo.is_dir():
        raise InvalidInput(f"there is no folder {repo}: name a checkout")
    files = sorted((repo / REPOSITORY).rglob("*")) if repo is not None else []
    texts = {path.relative_to(repo).as_posix(): path.read_text("utf-8", "replace") for path in files if repo is not None and path.is_file()}
    found = Catalog.discover(agents_dir=settings.agents_dir, base_branch=texts)
    by_tools = [(each.name, each.tools, each.mcp_servers, each.is_of_repository) for each in found.registry.workflows.values()]
    by_tools += [
        (each.name, tuple(tool for tool in each.made_by.tools if isinstance(tool, str)), each.mcp_servers, False)
        for each in found.agents.values()
    ]
    named = [
        NamedServer(workflow=agent, name=server, entry=entry, tools=tools, is_of_repository=is_own)
        for agent, tools, servers, is_own in by_tools
        for server, entry in servers.items()
    ]
    wanted = tuple(each for each in named if name is None or each.name == name)
    if name is not None and not wanted:
        known = ", ".join(sorted({each.name for each in named})) or "none"
        raise NotFound(f"no workflow names an MCP server {name[:80]!r}; there are {known}")
    return wanted


def project_of(repo: Path | None, project: str | None) -> str:
    """The repository whose pins count, by the name that its epics have for it; empty for those that count for all."""
    return project or ("" if repo is None else repository_at(str(repo)))


async def list_servers(output: Output, *, repo: Path | None) -> int:
    """List the servers, and try none."""
    views = tuple(each.view() for each in servers_in(Settings.from_env(), repo))
    output.answer(record=Page[McpServerView](items=views), parts=_listed(views))
    return ExitCode.DONE


async def check(engine: Engine, output: Output, servers: Sequence[NamedServer], repo: Path | None, project: str | None) -> int:
    """Try servers."""
    with TemporaryDirectory(prefix="genie-mcp-") as folder:
        views = await engine.mcp_servers.check(servers, project_of(repo, project), repo.resolve() if repo else Path(folder))
    output.answer(record=Page[McpServerView](items=views), parts=_checked(views))
    return ExitCode.FAILED if any(view.problem for view in views) else ExitCode.DONE


async def pins(engine: Engine, output: Output, repo: Path | None, project: str | None) -> int:
    """List what is pinned."""
    found = await engine.mcp_servers.pins(project_of(repo, project) or None)
    output.answer(record=Page[PinView](items=found), parts=_pinned(found))
    return ExitCode.DONE


async def pin(engine: Engine, output: Output, servers: Sequence[NamedServer], repo: Path | None, project: str | None) -> int:
    """Accept what servers list now."""
    with TemporaryDirectory(prefix="genie-mcp-") as folder:
        found = await engine.mcp_servers.pin(servers, project_of(repo, project), repo.resolve() if repo else Path(folder))
    output.answer(record=Page[PinView](items=found), parts=_pinned(found))
    return ExitCode.DONE


async def unpin(engine: Engine, output: Output, name: str, repo: Path | None, project: str | None) -> int:
    """Forget what is accepted of a server."""
    dropped = await engine.mcp_servers.unpin(name, project_of(repo, project))
    output.say(f"{many(dropped, 'tool')} of {name} forgotten: the next use accepts what it lists then", style="green")
    return ExitCode.DONE


def _listed(views: Sequence[McpServerView]) -> Iterator[RenderableType]:
    if not views:
        yield Text("no workflow names an MCP server: add one with `genie mcp add`")
        return
    rows = [
        (Text(view.name, style="bold"), view.workflow, clean(view.where, 120), "yes" if view.required else "", ", ".join(view.secrets))
        for view in views
    ]
    yield table(("SERVER", "WORKFLOW", "WHERE", "REQUIRED", "SECRETS"), rows)


def _checked(views: Sequence[McpServerView]) -> Iterator[RenderableType]:
    for view in views:
        mark, style = ("✗", "red") if view.problem else ("✓", "green")
        took = f" · {seconds(view.seconds)}" if view.seconds is not None else ""
        said = clean(view.problem, 400) if view.problem else many(len(view.tools), "tool")
        yield Text.assemble(f"{mark} {view.workflow}/{view.name}: ", said, took, style=style)
        if view.tools:
            yield table(("TOOL", "SAYS IT", "ALLOWED", "PIN", "ABOUT"), [_row(tool) for tool in view.tools])
        if view.gone:
            yield Text(f"not listed any more: {', '.join(view.gone)}", style="yellow")


def _row(tool: McpToolView) -> tuple[str | Text, ...]:
    does, may = "looks" if tool.read_only else "acts", "yes" if tool.allowed else "no"
    return clean(tool.name, 100), does, may, tool.pin, clean(tool.problem or tool.about, 80)


def _pinned(found: Sequence[PinView]) -> Iterator[RenderableType]:
    if not found:
        yield Text("nothing is pinned")
        return
    rows = [
        (clean(each.project or "all", 60), each.server, clean(each.identity, 60), each.tool, ago(each.pinned_at), each.pinned_by)
        for each in found
    ]
    yield table(("PROJECT", "SERVER", "WHERE", "TOOL", "AGO", "BY"), rows)
