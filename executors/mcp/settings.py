"""One server of a `.mcp.json` with everything filled in: variables from what it may know, secrets from where they are kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from epics.agent_errors import McpServerBroken
from safety.addresses import is_loopback

START_S: Final = 30.0
LIST_S: Final = 15.0
CALL_S: Final = 120.0
RESTARTS: Final = 2
_LONGEST: Final = 400
"""Of what a row is known by."""

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_SECRET: Final = "secret:"  # noqa: S105  what such a reference begins with


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What the references of a `.mcp.json` may name."""

    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    withheld: frozenset[str] = frozenset()
    """The names of secrets that are not for who refers to them."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """A server as it is started or reached, with its secrets in it: it is shown to nobody."""

    name: str
    identity: str
    """Its command or its URL as the file has them, without what references stand for."""
    command: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_s: float = START_S
    list_s: float = LIST_S
    call_s: float = CALL_S
    required: bool = False
    on_change: Literal["block", "warn"] = "block"
    needs_tree: bool = True
    restarts: int = RESTARTS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """The values of the secrets that it was given: nothing that it says may carry them on."""

    @property
    def is_remote(self) -> bool:
        """Whether it is at a URL."""
        return bool(self.url)

    @property
    def waits_for_tree(self) -> bool:
        """Whether it can only be started in the work tree."""
        return self.needs_tree and not self.is_remote


def filled(name: str, entry: Mapping[str, Any], known: Knowledge) -> ServerSettings:
    """Fill in one server of a `.mcp.json`.

    Raises:
        McpServerBroken: naming the variable or the secret that is not there.
    """
    used: set[str] = set()

    def fill(text: str) -> str:
        return _REFERENCE.sub(lambda found: _value_of(found[1], known, used), text)

    command = tuple(fill(word) for word in (entry["command"], *entry.get("args", ()))) if "command" in entry else ()
    url = fill(entry.get("url", ""))
    if not command and not url.startswith(("http://", "https://")):
        raise McpServerBroken("its URL begins neither with https:// nor with http://")
    headers = {key: fill(text) for key, text in entry.get("headers", {}).items()}
    if used and url.startswith("http://") and not is_loopback(urlsplit(url).hostname):
        raise McpServerBroken("its URL begins with http://, and whoever is on the way would see its secret: use https://")
    return ServerSettings(
        name=name,
        identity=identity_of(entry),
        command=command,
        environment={key: fill(text) for key, text in entry.get("env", {}).items()},
        cwd=fill(entry.get("cwd") or ""),
        url=url,
        headers=headers,
        required=bool(entry.get("required", False)),
        on_change=entry.get("on_change", "block"),
        needs_tree=bool(entry.get("needs_tree", True)),
        restarts=int(entry.get("restarts", RESTARTS)),
        secrets=frozenset(used),
        **_times(entry.get("timeout")),
    )


def identity_of(entry: Mapping[str, Any]) -> str:
    """Return what makes a server this one, for the pins of its tools: where it is, and nothing that is secret."""
    where = str(entry["url"]) if "url" in entry else shlex.join([entry["command"], *entry.get("args", ())])
    return where if len(where) <= _LONGEST else f"{where[:_LONGEST]}… {sha256(where.encode()).hexdigest()}"


def secrets_named(entries: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the stored secrets that servers refer to."""
    names = (found[1] for entry in entries for text in _texts(entry) for found in _REFERENCE.finditer(text))
    return tuple(sorted({name.removeprefix(_SECRET) for name in names if name.startswith(_SECRET)}))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _value_of(reference: str, known: Knowledge, used: set[str]) -> str:
    if reference.startswith(_SECRET):
        name = reference.removeprefix(_SECRET)
        if name in known.withheld:
            raise McpServerBroken(
                f"the secret {name} is not given to workflows of this repository: whoever runs Genie can allow it, "
                f"with GENIE_MCP_SECRETS_FOR={name}=<the repository>"
            )
        if name not in known.secrets:
            raise McpServerBroken(f"the secret {name} is not stored, or cannot be opened here: store it with `genie secret set {name}`")
        used.add(known.secrets[name])
        return known.secrets[name]
    name, has_default, default = reference.partition(":-")
    if known.variables.get(name):
        return known.variables[name]
    if has_default:
        return default
    raise McpServerBroken(f"the variable {name} is not set, or GENIE_MCP_VARIABLES does not name it")


def _times(timeout: Any) -> dict[str, float]:
    """The times of a server; one number holds for each."""
    if timeout is None:
        return {}
    given = timeout if isinstance(timeout, Mapping) else dict.fromkeys(("start", "list", "call"), timeout)
    return {f"{key}_s": float(value) for key, value in given.items() if value is not None}
