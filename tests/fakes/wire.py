"""How conversations look on the wire of two providers, read and written by the fake server."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from executors.scripts import PlayTurn
from tests.fakes.cli_words import as_cli_calls, is_cli, is_made_up, without_beginnings, without_reminders


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a request says: the first prompt, how many answers there were, and what the tools said since the last."""

    prompt: str
    answers: int
    results: str
    model: str
    max_tokens: int | None
    tools: tuple[str, ...]


def heard_by_anthropic(body: dict[str, Any]) -> Heard:
    """Read a request of the Messages API."""
    messages = [message for message in without_beginnings(body.get("messages", [])) if not is_made_up(message)]
    users = [message for message in messages if message["role"] == "user"]
    last = users[-1]["content"] if users and messages[-1]["role"] == "user" else ""
    blocks = [block for block in last if isinstance(block, dict)] if isinstance(last, list) else []
    return Heard(
        prompt=_text(without_reminders(users[0]["content"])) if users else "",
        answers=sum(message["role"] == "assistant" for message in messages),
        results="\n".join(_text(block.get("content", "")) for block in blocks if block.get("type") == "tool_result"),
        model=str(body.get("model", "")),
        max_tokens=body.get("max_tokens"),
        tools=tuple(tool.get("name", "") for tool in body.get("tools", [])),
    )


def heard_by_openai_responses(body: dict[str, Any]) -> Heard:
    """Read a request of the Responses API; one answer may be several items, so runs of them are counted."""
    items = body.get("input", [])
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    kinds = ["answer" if _is_answer(item) else "other" for item in items]
    answers = sum(kind == "answer" and (n == 0 or kinds[n - 1] != "answer") for n, kind in enumerate(kinds))
    last = len(kinds) - kinds[::-1].index("answer") if "answer" in kinds else 0
    return Heard(
        prompt=next((_text(item["content"]) for item in items if item.get("role") == "user"), ""),
        answers=answers,
        results="\n".join(_text(item["output"]) for item in items[last:] if item.get("type") == "function_call_output"),
        model=str(body.get("model", "")),
        max_tokens=body.get("max_output_tokens"),
        tools=tuple(tool.get("name", "") for tool in body.get("tools", [])),
    )


def heard_by_openai_chat(body: dict[str, Any]) -> Heard:
    """Read a request of the Chat Completions API."""
    messages = body.get("messages", [])
    places = [n for n, message in enumerate(messages) if message["role"] == "assistant"]
    since = messages[places[-1] + 1 :] if places else []
    return Heard(
        prompt=next((_text(message["content"]) for message in messages if message["role"] == "user"), ""),
        answers=len(places),
        results="\n".join(_text(message["content"]) for message in since if message["role"] == "tool"),
        model=str(body.get("model", "")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        tools=tuple(tool["function"]["name"] for tool in body.get("tools", [])),
    )


def said_by_anthropic(turn: PlayTurn, heard: Heard, number: int) -> dict[str, Any]:
    """Write an answer of the Messages API."""
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.say}] if turn.say else []
    calls = as_cli_calls(_calls(turn)) if is_cli(heard.tools) else _calls(turn)
    for place, (name, arguments) in enumerate(calls):
        content.append({"type": "tool_use", "id": f"toolu_{number:04d}{place:02d}", "name": name, "input": arguments})
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": heard.model,
        "content": content,
        "stop_reason": "tool_use" if _calls(turn) else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": turn.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": turn.output_tokens,
        },
    }


def said_by_openai_responses(turn: PlayTurn, heard: Heard, number: int) -> dict[str, Any]:
    """Write an answer of the Responses API."""
    output: list[dict[str, Any]] = []
    if turn.say:
        text = {"type": "output_text", "text": turn.say, "annotations": []}
        output.append({"type": "message", "id": f"msg_{number:06d}", "role": "assistant", "status": "completed", "content": [text]})
    for place, (name, arguments) in enumerate(_calls(turn)):
        call = {"type": "function_call", "id": f"fc_{number:04d}{place:02d}", "call_id": f"call_{number:04d}{place:02d}"}
        output.append({**call, "name": name, "arguments": json.dumps(arguments), "status": "completed"})
    return {
        "id": f"resp_{number:06d}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": heard.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": turn.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": turn.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": turn.input_tokens + turn.output_tokens,
        },
    }


def said_by_openai_chat(turn: PlayTurn, heard: Heard, number: int) -> dict[str, Any]:
    """Write an answer of the Chat Completions API."""
    calls = [
        {"id": f"call_{number:04d}{place:02d}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for place, (name, arguments) in enumerate(_calls(turn))
    ]
    message: dict[str, Any] = {"role": "assistant", "content": turn.say or None}
    if calls:
        message["tool_calls"] = calls
    return {
        "id": f"chatcmpl-{number:06d}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": heard.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {
            "prompt_tokens": turn.input_tokens,
            "completion_tokens": turn.output_tokens,
            "total_tokens": turn.input_tokens + turn.output_tokens,
        },
    }


def _calls(turn: PlayTurn) -> list[tuple[str, dict[str, Any]]]:
    calls = [(call.tool, dict(call.arguments)) for call in turn.all_calls]
    return [*calls, ("final_result", dict(turn.output))] if turn.output is not None else calls


def _is_answer(item: dict[str, Any]) -> bool:
    return item.get("role") == "assistant" or item.get("type") in {"function_call", "reasoning"}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
