"""How tools answer: JSON, long ones in parts, and errors as the words that the command line has for them."""

from __future__ import annotations

import json
from typing import Any, Final

import structlog
from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError
from structlog.contextvars import get_contextvars

from api.mcp.door import Refused
from epics.errors import GenieError

MOST_CHARS: Final = 40_000
"""Of one answer: what a model can take in beside its work."""

_MOST_FAULTS: Final = 5


def text_of(answer: Any) -> str:
    """An answer as JSON for a model: as dense as it can be, and in the letters that were meant."""
    # Half of a surrogate pair, which some file may have, has no bytes.
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def answered(answer: Any, offset: int = 0) -> CallToolResult:
    """An answer, or the part of it that begins at an offset; only a whole one comes for programs too."""
    text = text_of(answer)
    part = text[offset : offset + MOST_CHARS]
    rest = len(text) - offset - len(part)
    if rest > 0:
        end = offset + len(part)
        part += f"\n[cut at {end:,} of {len(text):,} characters: ask again with offset={end} for what follows]"
    whole = rest <= 0 and not offset and isinstance(answer, dict)
    return CallToolResult(content=[TextContent(text=part)], structured_content=answer if whole else None)


def refused(error: Exception) -> CallToolResult:
    """What is told of an error: what is wrong and what to do, never where it came from."""
    return CallToolResult(content=[TextContent(text=words_of(error))], is_error=True)


def words_of(error: Exception) -> str:
    """One line about an error, with its code for programs and the id under which the log has it."""
    request_id = str(get_contextvars().get("request_id", ""))
    match error:
        case ValidationError():
            detail, code = "; ".join(_fault(fault) for fault in error.errors()[:_MOST_FAULTS]), "invalid_request"
        case Refused():
            detail, code, request_id = str(error), error.code, error.request_id or request_id
        case GenieError():
            detail, code = " ".join(str(error).split()), error.code
        case _:
            structlog.get_logger().error("a tool was stopped by an error that nobody foresaw", error=repr(error)[:500])
            detail, code = "something went wrong in Genie: its log has the rest, under this request", "internal_error"
    return f"error: {detail} (code {code}, request {request_id})"


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])[:200]
    if fault["type"] == "extra_forbidden":
        return f"{where}: there is no such argument: leave it out"
    return f"{where}: {str(fault['msg']).removeprefix('Value error, ')}"
