"""The tools that a server lists: judged one by one, and each with a hash by which a change is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from executors.mcp.wire import one_line

MOST: Final = 200
"""Tools of one server: each is sent to the model with every call."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_ABOUT: Final = 16_000
_LARGEST_SCHEMA: Final = 64 * 1024
_DEEPEST: Final = 40
_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONES: Final = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else", "unevaluatedProperties")


@dataclass(frozen=True, kw_only=True)
class McpTool:
    """A tool of a server, as it may be offered to a model."""

    name: str
    """As the server calls it."""
    about: str
    schema: Mapping[str, Any]
    read_only: bool
    """The server's word that it only looks: all there is."""
    hash: str
    """SHA-256 over name, description and schema, as they were listed."""


def judged(listed: Sequence[Any]) -> tuple[tuple[McpTool, ...], dict[str, str]]:
    """Return the tools that can be used, in the server's order, and why the others cannot, by name."""
    tools: dict[str, McpTool] = {}
    refused: dict[str, str] = {}
    for each in listed:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            refused[one_line(name, 80) or "?"] = "its name is none that models can be given"
        elif name in tools:
            refused[name] = "it is listed twice"
            del tools[name]
        elif name not in refused:
            why = _fault(each)
            if why or len(tools) >= MOST:
                refused[name] = why or f"a server may have {MOST} tools"
            else:
                tools[name] = _tool(name, each)
    return tuple(tools.values()), dict(list(refused.items())[:MOST])


def _tool(name: str, listed: Mapping[str, Any]) -> McpTool:
    hints = listed.get("annotations")
    about, schema = listed.get("description") or "", listed["inputSchema"]
    text = json.dumps({"name": name, "description": about, "inputSchema": schema}, sort_keys=True, ensure_ascii=True)
    return McpTool(
        name=name,
        about=about,
        schema=schema,
        read_only=isinstance(hints, dict) and hints.get("readOnlyHint") is True,
        hash=sha256(text.encode()).hexdigest(),
    )


def _fault(listed: Mapping[str, Any]) -> str:
    about, schema = listed.get("description"), listed.get("inputSchema")
    if about is not None and (not isinstance(about, str) or len(about) > _LONGEST_ABOUT):
        return f"its description is no text of up to {_LONGEST_ABOUT} characters"
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "its schema is not that of an object"
    try:
        size = len(json.dumps(listed, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return "what is said of it is no Unicode"
    except (ValueError, RecursionError):
        return "its schema is nested too deeply"
    if size > _LARGEST_SCHEMA:
        return f"what is said of it is larger than {_LARGEST_SCHEMA} bytes"
    return "" if _is_schema(schema, 0) else "its schema is no JSON schema"


def _is_schema(schema: Any, depth: int) -> bool:
    """Whether this has the form of a JSON schema, as far as providers look."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict) or depth > _DEEPEST or not _has_types(schema.get("type", [])):
        return False
    if not isinstance(schema.get("enum", []), list) or not _are_words(schema.get("required", [])):
        return False
    if not isinstance(schema.get("$ref", "#"), str) or not schema.get("$ref", "#").startswith("#"):
        return False
    below: list[Any] = [schema[key] for key in _ONES if key in schema]
    for key in _MAPS:
        if not isinstance(schema.get(key, {}), dict):
            return False
        below += schema.get(key, {}).values()
    for key in _LISTS:
        if not isinstance(schema.get(key, []), list):
            return False
        below += schema.get(key, [])
    return all(_is_schema(each, depth + 1) for each in below)


def _has_types(value: Any) -> bool:
    types = value if isinstance(value, list) else [value]
    return all(isinstance(each, str) and each in _TYPES for each in types)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
