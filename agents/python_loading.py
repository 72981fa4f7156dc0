"""Loading an agent written in Python: its code is imported under a private name, anew whenever it has changed."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from agents.agent import Agent
from agents.agent_checks import check_agent
from agents.loading import parse_servers
from agents.python_agent import PythonAgent
from epics.agent_errors import InvalidAgent
from epics.errors import InvalidWorkflow
from tools.toml_text import MAX_CHARS

FILE: Final = "agent.py"
ENTRY_POINTS: Final = "genie.agents"
"""The group of entry points by which an installed distribution brings agents."""

_PRIVATE: Final = "genie_agent_"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_FILES: Final = 200

_loaded: dict[Path, PythonAgent] = {}
"""By folder, what was loaded last: code that has not changed is not run again."""
_lock = threading.Lock()


def load_agent(folder: Path) -> PythonAgent:
    """Load the agent in a folder, named as the folder is.

    Raises:
        InvalidAgent: with the file and the line of the first fault, whatever the code does when it is imported.
    """
    file = folder / FILE
    if not _NAME.fullmatch(folder.name):
        raise InvalidAgent(f"{file}:1: {folder.name!r} is no name of an agent: up to 40 of a-z, 0-9 and _, a letter first")
    if (folder / "workflow.toml").exists():
        raise InvalidAgent(f"{file}:1: a folder with {FILE} has no workflow.toml: an agent is either code or data")
    content_hash = _hash_of(folder)
    with _lock:
        known = _loaded.get(folder)
        if known is not None and known.content_hash == content_hash:
            return known
        module = _imported(folder, content_hash)
        made_by = _class_in(module, file)
        agent = PythonAgent(
            name=folder.name,
            made_by=made_by,
            place=str(folder),
            file=file,
            content_hash=content_hash,
            mcp_servers=_servers(folder),
        )
        check_agent(made_by, file, _text(file), agent.mcp_servers)
        _loaded[folder] = agent
        return agent


def load_entry_point(point: EntryPoint) -> PythonAgent:
    """Load the agent that an installed distribution names: a class, or a module with one.

    Raises:
        InvalidAgent: saying what is wrong with it.
    """
    place = place_of_point(point)
    if not _NAME.fullmatch(point.name):
        raise InvalidAgent(f"{place}: {point.name!r} is no name of an agent: up to 40 of a-z, 0-9 and _, a letter first")
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise InvalidAgent(f"{place}: it cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(found, ModuleType) or (isinstance(found, type) and issubclass(found, Agent))):
        raise InvalidAgent(f"{place}: it names neither a subclass of agents.agent.Agent nor a module with one")
    try:
        source = Path(inspect.getsourcefile(found) or "")
    except TypeError as error:
        raise InvalidAgent(f"{place}: {error}") from error
    found = _class_in(found, source) if isinstance(found, ModuleType) else _whole(found, source)
    check_agent(found, source, _text(source))
    content_hash = hashlib.sha256(_text(source).encode()).hexdigest()
    return PythonAgent(name=point.name, made_by=found, place=place, file=source, content_hash=content_hash)


def place_of_point(point: EntryPoint) -> str:
    """Return how messages call an entry point."""
    return f"entry point {point.name} = {point.value}"


def _imported(folder: Path, content_hash: str) -> ModuleType:
    """Import the code of a folder as a package of its own, so that files beside `agent.py` are imported as `.name`."""
    name, file = f"{_PRIVATE}{folder.name}_{content_hash[:16]}", folder / FILE
    spec = importlib.util.spec_from_file_location(
        name, file, loader=_FreshLoader(name, str(file)), submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise InvalidAgent(f"{file}:1: Python cannot import it")
    module = importlib.util.module_from_spec(spec)
    _forget(folder.name)
    # Before it is run: what it defines is found by its module's name, by pydantic above all.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _forget(folder.name)
        raise InvalidAgent(_said(error, folder)) from error
    return module


class _FreshLoader(SourceFileLoader):
    """Compiles what the file says now; what was compiled before is told from it by whole seconds alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _forget(agent: str) -> None:
    """Take what was imported of an agent before out of Python's table; a run that is under way keeps it."""
    for name in [name for name in sys.modules if re.fullmatch(rf"{_PRIVATE}{agent}_[0-9a-f]{{16}}(\..*)?", name)]:
        del sys.modules[name]


def _class_in(module: ModuleType, file: Path) -> type[Agent]:
    """The one agent that a module defines."""
    own = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Agent) and value is not Agent]
    own = list(dict.fromkeys(each for each in own if each.__module__ == module.__name__ and not each.__name__.startswith("_")))
    if not own:
        raise InvalidAgent(f"{file}:1: there is no agent in it: write `class Name(Agent):`, with Agent from agents.agent")
    if len(own) > 1:
        line = _line_of_class(file, own[1].__name__)
        names = " and ".join(each.__name__ for each in own)
        raise InvalidAgent(f"{file}:{line}: there is more than one agent in it, {names}: keep one, or begin the name of the others with _")
    return _whole(own[0], file)


def _whole(made_by: type[Agent], file: Path) -> type[Agent]:
    if missing := sorted(made_by.__abstractmethods__):
        line = _line_of_class(file, made_by.__name__)
        raise InvalidAgent(f"{file}:{line}: {made_by.__name__} does not say what it does: write `async def {missing[0]}(self, run)`")
    return made_by


def _line_of_class(file: Path, name: str) -> int:
    nodes = ast.walk(ast.parse(_text(file)))
    return next((node.lineno for node in nodes if isinstance(node, ast.ClassDef) and node.name == name), 1)


def _said(error: BaseException, folder: Path) -> str:
    """What an import raised, with the line of the agent's own code at which it did."""
    if isinstance(error, SyntaxError):
        return f"{error.filename or folder / FILE}:{error.lineno or 1}: this is not Python: {error.msg}"
    return f"{place_in(error, folder) or f'{folder / FILE}:1'}: it cannot be imported: {type(error).__name__}: {_one_line(error)}"


def place_in(error: BaseException, folder: Path) -> str:
    """Return file and line at which code of a folder raised something, or called what did; empty if none of it was running."""
    frames: Iterable[Any] = reversed(traceback.extract_tb(error.__traceback__))
    return next((f"{frame.filename}:{frame.lineno}" for frame in frames if Path(frame.filename).is_relative_to(folder)), "")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _servers(folder: Path) -> dict[str, Any]:
    file = folder / ".mcp.json"
    if not file.exists():
        return {}
    try:
        return parse_servers(_text(file), file=str(file))
    except InvalidWorkflow as error:
        raise InvalidAgent(str(error)) from error


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())[:_MOST_FILES]
    for path in [*files, *(path for path in (folder / ".mcp.json",) if path.exists())]:
        text = _text(path).encode()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidAgent(f"{path}:1: the file cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_CHARS:
        raise InvalidAgent(f"{path}:1: the file is too large: at most {MAX_CHARS} bytes are read")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidAgent(f"{path}:{line}: the file is not UTF-8: {error.reason} at byte {error.start}") from error
