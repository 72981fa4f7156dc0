"""A request of the Messages API as the CLI made it: what it asks for, what it may not have, and what is sent in its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_OWN_TOOLS: Final = ("bash_", "text_editor_", "memory_", "computer_", "tool_search_tool_")
"""Kinds of tools that are defined by the provider and run by the CLI; every other kind is run by the provider."""

_FORBIDDEN: Final = ("mcp_servers", "container")
"""What makes the provider reach out for the agent: a way around the network that the agent is given."""

_DEARER: Final = ("speed", "inference_geo", "service_tier")
"""What makes a call cost more than its model's price; the price that is set aside beforehand would not hold."""

_LEAST_THINKING: Final = 1_024
_MOST_PARTS: Final = 1_000_000
"""Of JSON, by the marks that begin or part them. An agent that sends more means to keep the worker busy until it loses all its epics: the
longest conversation that a model takes has less, code in its text included."""
_BILLING: Final = "x-anthropic-billing-header"
_MOVES: Final = "cache_control"
"""A mark that the CLI moves to the end of the conversation with each request; it says nothing."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came over the wire."""

    body: bytes
    headers: Mapping[str, str]
    query: str


class Malformed(ValueError):
    """A request that is none of the Messages API, or that asks for what no agent gets; the message is for the agent."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    body: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]
    model: str
    stream: bool
    max_tokens: int
    request: Request

    @cached_property
    def hash(self) -> str:
        """What identifies the request: everything that is said and offered, and nothing of how the answer is to come."""
        content = json.dumps([[bare(message) for message in self.messages], _frame(self.body)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()

    @property
    def long_cached(self) -> bool:
        """Whether some of it is to be cached for an hour, which costs more than the price for caching."""
        return b'"1h"' in self.request.body and any(mark.get("ttl") == "1h" for mark in _cache_marks(self.body))


def asked_in(request: Request) -> Asked:
    """Read a request.

    Raises:
        Malformed: if it is none.
    """
    if sum(map(request.body.count, (b"[", b"{", b","))) > _MOST_PARTS:
        raise Malformed(f"the body has more than {_MOST_PARTS:,} parts")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as exc:
        raise Malformed("the body is no JSON") from exc
    if not isinstance(body, dict):
        raise Malformed("the body is no JSON object")
    messages, model = body.get("messages"), body.get("model")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) and "role" in each for each in messages):
        raise Malformed("messages: a list of messages is needed")
    if not isinstance(model, str) or not model:
        raise Malformed("model: a name is needed")
    most = body.get("max_tokens", 1)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise Malformed("max_tokens: a number above 0 is needed")
    return Asked(
        body=body,
        messages=tuple(messages),
        model=model,
        stream=body.get("stream") is True,
        max_tokens=most,
        request=request,
    )


def refuse_reaching_out(asked: Asked, kept: int = 0) -> None:
    """Refuse a request by which the provider would reach into the network for the agent.

    Args:
        asked: the request.
        kept: how many of its messages were looked at in an earlier one; those of the agent are looked at again, since they may differ.

    Raises:
        Malformed: naming what may not be asked for.
    """
    for key in _FORBIDDEN:
        if asked.body.get(key):
            raise Malformed(f"genie: {key}: an agent may not have the provider reach other servers")
    tools = asked.body.get("tools") or []
    for tool in tools if isinstance(tools, list) else [tools]:
        kind = str(tool.get("type") or "custom") if isinstance(tool, dict) else ""
        if kind != "custom" and not kind.startswith(_OWN_TOOLS):
            raise Malformed(f"genie: tools: an agent may not have the provider run {kind or 'that'}")
    new = [message for n, message in enumerate(asked.messages) if n >= kept or message.get("role") == "assistant"]
    for part in _parts([asked.body.get("system"), new]):
        if part.get("type") == "url" and "url" in part:
            raise Malformed("genie: messages: an agent may not have the provider fetch a URL")
        if "file_id" in part:
            # It may be somebody else's, and how many tokens it has nobody here can tell beforehand.
            raise Malformed("genie: messages: an agent may not have the provider read a file of the account")


def to_send(asked: Asked, model: str, max_tokens: int) -> Mapping[str, Any]:
    """Return what is sent to the provider: the request, as a stream, with another model and fewer tokens where that must be."""
    body = {key: value for key, value in asked.body.items() if key not in _DEARER}
    body |= {"model": model, "stream": True, "max_tokens": max_tokens}
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if isinstance(thinking, dict) and isinstance(budget, int) and budget >= max_tokens:
        half = max_tokens // 2
        if half >= _LEAST_THINKING:
            body["thinking"] = {**thinking, "budget_tokens": half}
        else:
            # What is said of thinking elsewhere is refused where there is none.
            del body["thinking"]
            body.pop("context_management", None)
    return asked.body if body == asked.body else body


def bare(value: Any) -> Any:
    """Return JSON without the marks that move from request to request, and with text in its one form."""
    if isinstance(value, Mapping):
        found = {key: bare(inner) for key, inner in value.items() if key != _MOVES}
        if "role" in found and isinstance(found.get("content"), str):
            found["content"] = [{"type": "text", "text": found["content"]}]
        return found
    if isinstance(value, list):
        return [bare(inner) for inner in value]
    return value


def _frame(body: Mapping[str, Any]) -> list[Any]:
    system = body.get("system")
    if isinstance(system, list):
        # Counts the starts of the CLI, which say nothing either.
        system = [part for part in system if not (isinstance(part, dict) and str(part.get("text", "")).startswith(_BILLING))]
    return [bare(system), bare(body.get("tools"))]


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in JSON, but for the inputs of tools: those are words that nobody acts on."""
    if isinstance(value, Mapping):
        yield value
        for key, inner in value.items():
            if key != "input":
                yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _cache_marks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in _parts([body.get("system"), body.get("tools"), body.get("messages")]):
        mark = part.get(_MOVES)
        if isinstance(mark, Mapping):
            yield mark
