"""The CLI's own record of a session, made from a conversation that the journal has: `--resume` goes on from it on any host."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

VERSION: Final = "2.1.330"
"""The version of the CLI whose form this is."""

_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a session began is of no use to the CLI, as long as its lines are in order."""


def write_transcript(messages: Sequence[Mapping[str, Any]], *, config: Path, cwd: str, session: str, model: str) -> str:
    """Write the transcript of a session into the CLI's folder, and return the name of its file.

    The CLI is given the file: among its own it would look under a name made of the work tree's path, which may be too long for one.

    Args:
        messages: the conversation, as the Messages API has it.
        config: the CLI's folder, as we see it.
        cwd: the work tree, as the CLI sees it.
        session: the id of the session, a UUID.
        model: what the answers are said to come from.
    """
    name = f"{session}.jsonl"
    lines = transcript_lines(messages, cwd=cwd, session=session, model=model)
    (config / name).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return name


def transcript_lines(messages: Sequence[Mapping[str, Any]], *, cwd: str, session: str, model: str) -> list[dict[str, Any]]:
    """Return the lines of a transcript, each of which names the one before."""
    lines: list[dict[str, Any]] = []
    parent: str | None = None
    for n, message in enumerate(messages):
        own = str(uuid.uuid5(uuid.UUID(session), str(n)))
        lines.append(
            {
                "parentUuid": parent,
                "isSidechain": False,
                "userType": "external",
                "cwd": cwd,
                "sessionId": session,
                "version": VERSION,
                "gitBranch": "",
                "type": message["role"],
                "message": _answer(message, n, model) if message["role"] == "assistant" else _said(message),
                "uuid": own,
                "timestamp": (_BEGAN + timedelta(seconds=n)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
        )
        parent = own
    return lines


def _said(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": message["role"], "content": _unmarked(message["content"])}


def _answer(message: Mapping[str, Any], n: int, model: str) -> dict[str, Any]:
    content = _unmarked(message["content"])
    called = any(isinstance(block, Mapping) and block.get("type") == "tool_use" for block in content)
    return {
        "id": message.get("id") or f"msg_{n:06d}",
        "type": "message",
        "role": "assistant",
        "model": message.get("model") or model,
        "content": [{"type": "text", "text": content}] if isinstance(content, str) else content,
        "stop_reason": message.get("stop_reason") or ("tool_use" if called else "end_turn"),
        "stop_sequence": message.get("stop_sequence"),
        "usage": message.get("usage") or {"input_tokens": 1, "output_tokens": 1},
    }


def _unmarked(content: Any) -> Any:
    """Content without the marks for the cache, which the CLI sets anew; a request with too many of them is refused."""
    if not isinstance(content, list):
        return content
    return [
        {key: value for key, value in block.items() if key != "cache_control"} if isinstance(block, Mapping) else block for block in content
    ]
