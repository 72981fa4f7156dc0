"""Which hosts a workflow may name for its agents to reach."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from safety.addresses import is_public

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_ALL_BELOW: Final = "*."
_MOST_CHARS: Final = 253
_LOCAL: Final = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa")
"""Last parts of names that only a network's own servers know: nothing of it is for agents."""


def why_host_is_refused(pattern: str) -> str:
    """Return why a workflow cannot name this host, or nothing: a name such as `packages.example.org`, `*.example.org`, or a public address.

    What a name leads to is looked at when it is reached: this keeps out what is plainly wrong, where its author sees it.
    """
    if "://" in pattern or "/" in pattern:
        return "must be the name of a host, without a scheme and a path"
    if (address := _public_or_not(pattern)) is not None:
        return "" if address else "must be the name of a host, or an address of the public internet"
    if ":" in pattern:
        return "must be the name of a host, without a port"
    name = pattern.removeprefix(_ALL_BELOW)
    if len(name) > _MOST_CHARS or _NAME.fullmatch(name) is None or name.rpartition(".")[2].isdigit():
        return "must be the full name of a host in lower case, such as packages.example.org, or *.example.org for every name below it"
    if name.rpartition(".")[2] in _LOCAL:
        return "must be a host of the public internet, and this name is of a network's own"
    return ""


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Whether a name is one of those listed; `*.example.org` is every name below it, and not itself."""
    name = host.lower().rstrip(".")
    return any(
        name.endswith(listed[1:]) and len(name) > len(listed[1:]) if listed.startswith("*.") else name == listed
        for listed in (each.lower().rstrip(".") for each in hosts)
    )


def _public_or_not(text: str) -> bool | None:
    try:
        ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return is_public(text)
