"""MCP servers in the files of workflows: what is known by name, and entries that are added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from agents.loading import FILES, load_folder_from_files, parse_servers
from agents.mcp_catalog import CATALOG
from agents.registry import REPOSITORY
from cli.errors import ExitCode
from cli.output import Output
from cli.render import table
from engine.mcp.for_faces import NamedServer
from engine.mcp.views import CatalogView
from engine.views import Page
from epics.errors import InvalidInput, InvalidWorkflow

_SERVERS: Final = ".mcp.json"
_TOOLS: Final = "allowed_tools.json"


@dataclass(frozen=True, kw_only=True)
class Added:
    """A server that a person wants."""

    name: str
    command: tuple[str, ...] = ()
    url: str | None = None
    headers: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    required: bool = False


async def catalog(output: Output) -> int:
    """List the ready-made entries."""
    views = tuple(
        CatalogView(name=name, about=entry.about, server=entry.server, tools=entry.tools, needs=entry.needs)
        for name, entry in CATALOG.items()
    )
    rows = [(Text(view.name, style="bold"), view.about, view.needs) for view in views]
    output.answer(record=Page[CatalogView](items=views), parts=[table(("NAME", "AGENTS CAN", "FIRST"), rows)])
    return ExitCode.DONE


async def add(asked: Added, folder: Path, output: Output) -> int:
    """Write a server into the files of a workflow or an agent, unless what comes of it could not be loaded.

    Raises:
        InvalidInput: if the folder is none, or the server is there already, or what was given is no server.
        InvalidWorkflow: if the files would be broken.
    """
    folder = folder.resolve()
    if not any((folder / name).is_file() for name in ("workflow.toml", "agent.py")):
        raise InvalidInput(f"{folder} is the folder of no workflow and no agent: name one with --folder")
    files = {name: (folder / name).read_text(encoding="utf-8") for name in FILES if (folder / name).is_file()}
    server, tools = _entry(asked)
    changed = _with_entry(files, asked.name, server, tools, folder)
    if "workflow.toml" in files:
        load_folder_from_files(folder.name, {**files, **changed}, folder=folder)
    elif _SERVERS in changed:
        parse_servers(changed[_SERVERS], file=str(folder / _SERVERS))
    for name, text in changed.items():
        (folder / name).write_text(text, encoding="utf-8")
        output.say(f"{folder / name} is written", style="green")
    if asked.name in CATALOG and not asked.command and not asked.url and CATALOG[asked.name].needs:
        output.say(f"before it is used: {CATALOG[asked.name].needs}")
    secrets = NamedServer(workflow=folder.name, name=asked.name, entry=server).view().secrets if server else ()
    if secrets and folder.parent.parts[-len(REPOSITORY.parts) :] == REPOSITORY.parts:
        allowed = ",".join(f"{name}=<the repository>" for name in secrets)
        output.say(f"and let this repository have what it names: GENIE_MCP_SECRETS_FOR={allowed}")
    return ExitCode.DONE


def _entry(asked: Added) -> tuple[dict[str, Any], tuple[str, ...]]:
    if asked.command and asked.url is not None:
        raise InvalidInput("give the command of a server or its URL, not both")
    server: dict[str, Any] = {}
    tools: tuple[str, ...] = ()
    if asked.command:
        server = {"command": asked.command[0], "args": list(asked.command[1:])}
    elif asked.url is not None:
        server = {"type": "http", "url": asked.url}
    elif asked.name in CATALOG:
        server, tools = dict(CATALOG[asked.name].server), CATALOG[asked.name].tools
    else:
        raise InvalidInput(f"{asked.name!r} is not in the catalog ({', '.join(CATALOG)}): give its command behind --, or --url")
    if server:
        server |= {key: {**server.get(key, {}), **_pairs(given, option)} for key, given, option in _extras(asked) if given}
        server |= {"required": True} if asked.required else {}
    return server, tools


def _extras(asked: Added) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    return (("headers", asked.headers, "--header"), ("env", asked.env, "--env"))


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    for pair in given:
        if "=" not in pair:
            raise InvalidInput(f"{option} must be NAME=VALUE, and {pair[:80]!r} has no =")
    return dict(pair.split("=", 1) for pair in given)


def _with_entry(files: Mapping[str, str], name: str, server: Mapping[str, Any], tools: tuple[str, ...], folder: Path) -> dict[str, str]:
    """The texts of the files that change."""
    changed: dict[str, str] = {}
    if server:
        known = parse_servers(files[_SERVERS], file=str(folder / _SERVERS)) if _SERVERS in files else {}
        if name in known:
            raise InvalidInput(f"{folder / _SERVERS} has a server {name!r} already: edit it there")
        whole = json.loads(files[_SERVERS]) if _SERVERS in files else {"mcpServers": {}}
        whole["mcpServers"][name] = dict(server)
        changed[_SERVERS] = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    if _TOOLS in files and tools:
        listed = _listed(files[_TOOLS], folder)
        added = [tool for tool in tools if tool not in listed]
        if added:
            changed[_TOOLS] = json.dumps([*listed, *added], indent=2) + "\n"
    return changed


def _listed(text: str, folder: Path) -> list[str]:
    try:
        listed = json.loads(text)
    except ValueError as exc:
        raise InvalidWorkflow(f"{folder / _TOOLS}:1: this is not valid JSON: {exc}") from exc
    if not isinstance(listed, list):
        raise InvalidWorkflow(f"{folder / _TOOLS}:1: this must be a list of names of tools")
    return listed
