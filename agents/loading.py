"""Loading one workflow from its folder, or from the texts of its files where they come out of git."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from agents.mcp_schema import McpFile
from agents.outputs import OUTPUTS
from agents.rendering import check_prompt
from agents.schema import WRITING_TOOLS, AllowedTools, WorkflowFile
from agents.workflow import Boundaries, Limits, Network, Workflow
from epics.errors import InvalidWorkflow
from tools.permitting import MCP
from tools.toml_text import MAX_CHARS, first_fault, line_of, parse_toml

REQUIRED: Final = ("workflow.toml", "prompt.md", "allowed_tools.json")
FILES: Final = (*REQUIRED, ".mcp.json")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
ModelT = TypeVar("ModelT", bound=BaseModel)


def load_folder(folder: Path, *, must_return: type[BaseModel] | None = None) -> Workflow:
    """Load the workflow in `folder`, named as the folder is; `must_return` is what its namesake hands back, if it stands in for one.

    Raises:
        InvalidWorkflow: naming the file and the line of the first fault.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.name in FILES or path.suffix in {".toml", ".json"})
        files = {path.name: _text(path) for path in paths}
    except OSError as exc:
        raise InvalidWorkflow(f"{exc.filename or folder}:1: the file cannot be read: {exc.strerror or exc}") from exc
    return load_folder_from_files(folder.name, files, folder=folder, must_return=must_return)


def load_folder_from_files(name: str, files: Mapping[str, str], *, folder: Path, must_return: type[BaseModel] | None = None) -> Workflow:
    """Load the workflow `name` from the texts of its files, by file name; `folder` is what messages call the place.

    Raises:
        InvalidWorkflow: naming the file and the line of the first fault.
    """
    _check_names(name, files, folder)
    settings = parse_toml(files["workflow.toml"], WorkflowFile, file=str(folder / "workflow.toml"), error=InvalidWorkflow)
    tools = _parse_json(files["allowed_tools.json"], AllowedTools, file=str(folder / "allowed_tools.json")).root
    servers = parse_servers(files[".mcp.json"], file=str(folder / ".mcp.json")) if ".mcp.json" in files else {}
    _check_servers(tools, servers, files["allowed_tools.json"], file=str(folder / "allowed_tools.json"))
    check_prompt(files["prompt.md"], file=str(folder / "prompt.md"))
    if fault := _contradiction(settings, tools, must_return):
        raise InvalidWorkflow(f"{folder / 'workflow.toml'}:{line_of(files['workflow.toml'], fault[0])}: {fault[1]}")
    return Workflow(
        name=name,
        description=settings.description,
        output=OUTPUTS[settings.output],
        prompt=files["prompt.md"],
        tools=tools,
        limits=Limits(**settings.limits.model_dump()),
        boundaries=Boundaries(**settings.boundaries.model_dump()),
        on_crash=settings.on_crash,
        executor=settings.executor,
        models=settings.model,
        mcp_servers=servers,
        content_hash=content_hash(files),
        folder=folder,
        network=Network(**settings.network.model_dump()),
        aliases=dict(settings.aliases),
        skills=settings.skills,
    )


def parse_servers(text: str, *, file: str) -> dict[str, Any]:
    """Return the servers that a `.mcp.json` names.

    Raises:
        InvalidWorkflow: naming the file and the line of the first fault.
    """
    return _parse_json(text, McpFile, file=file).servers()


def content_hash(files: Mapping[str, str]) -> str:
    """Return the SHA-256 over the names and texts of the files that make a workflow, in the order of their names."""
    digest = sha256()
    for name in sorted(set(FILES) & files.keys()):
        text = files[name].encode()
        digest.update(f"{name}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_CHARS + 1)
    if len(content) > MAX_CHARS:
        raise InvalidWorkflow(f"{path}:1: the file is too large: at most {MAX_CHARS} bytes are read")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise InvalidWorkflow(f"{path}:{line}: the file is not UTF-8: {exc.reason} at byte {exc.start}") from exc


def _check_names(name: str, files: Mapping[str, str], folder: Path) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidWorkflow(f"{folder}:1: {name!r} is no name of a workflow: up to 40 of a-z, 0-9 and _, a letter first")
    for required in REQUIRED:
        if required not in files:
            raise InvalidWorkflow(f"{folder / required}:1: the file is missing; a workflow has {', '.join(REQUIRED)}")
    for found in sorted(files):
        if found not in FILES and found.endswith((".toml", ".json")):
            raise InvalidWorkflow(f"{folder / found}:1: no such file is known; a workflow has {', '.join(FILES)}")
    if not files["prompt.md"].strip() or len(files["prompt.md"]) > MAX_CHARS:
        raise InvalidWorkflow(f"{folder / 'prompt.md'}:1: a prompt has between 1 and {MAX_CHARS} characters")


def _check_servers(tools: tuple[str, ...], servers: Mapping[str, Any], text: str, *, file: str) -> None:
    """See that each tool of an MCP server is one of a server that the workflow has."""
    for name in tools:
        server = name.removeprefix(MCP).partition("__")[0]
        if name.startswith(MCP) and server not in servers:
            known = ", ".join(servers) or "none"
            raise InvalidWorkflow(f"{file}:{_json_line(text, (name,), name)}: {name!r} is of no server in .mcp.json, which has {known}")


def _contradiction(
    settings: WorkflowFile, tools: tuple[str, ...], must_return: type[BaseModel] | None
) -> tuple[tuple[str, ...], str] | None:
    """Return the key and the sentence, if what is right by itself does not go together."""
    if must_return is not None and OUTPUTS[settings.output] is not must_return:
        wanted = next(name for name, kind in OUTPUTS.items() if kind is must_return)
        return ("output",), f"output is {settings.output!r}, but the workflow that this one stands in for hands back {wanted!r}"
    writing = sorted(WRITING_TOOLS & set(tools))
    if writing and not settings.boundaries.allowed:
        return ("boundaries", "allowed"), f"nothing may be changed (allowed = []), yet allowed_tools.json has {writing[0]!r}"
    network = settings.network
    if network.mode == "none" and network.hosts:
        return ("network", "hosts"), 'hosts are named, but nothing may be reached: say mode = "allowlist" in [network]'
    if network.mode == "allowlist" and not network.hosts:
        return ("network", "mode"), "mode is 'allowlist', but no hosts are named: name them, or say mode = \"none\""
    return None


def _parse_json(text: str, schema: type[ModelT], *, file: str) -> ModelT:
    if len(text) > MAX_CHARS:
        raise InvalidWorkflow(f"{file}:1: the file has {len(text)} characters; at most {MAX_CHARS} are read")
    try:
        values: Any = json.loads(text)
    except json.JSONDecodeError as exc:
        raise InvalidWorkflow(f"{file}:{exc.lineno}: this is not valid JSON: {exc.msg}") from exc
    except RecursionError as exc:
        raise InvalidWorkflow(f"{file}:1: this is not valid JSON: it is nested too deeply") from exc
    try:
        return schema.model_validate(values)
    except ValidationError as exc:
        path, sentence = first_fault(exc, schema)
        wanted = exc.errors()[0]["input"]
        raise InvalidWorkflow(f"{file}:{_json_line(text, path, wanted)}: {sentence}") from exc


def _json_line(text: str, path: tuple[str, ...], value: Any) -> int:
    """Return the line of the last of these keys that is written down, or of the value where it is an element of a list."""
    position = 0
    for key in path:
        found = text.find(json.dumps(value if key.isdigit() else key), position)
        position = found if found >= 0 else position
    return text.count("\n", 0, position) + 1
