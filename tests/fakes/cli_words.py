"""What differs where the Claude Code CLI speaks to the fake server: its tools, its reminders, and the answers that it makes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FINAL = "StructuredOutput"

#: What the CLI puts into a resumed conversation that ended with its user; nobody sold it.
MADE_UP = "No response requested."

#: What the CLI says where an answer broke off after it had its beginning.
CUT_OFF = "Your response above was cut off mid-stream."

_REMINDER = "<system-reminder>"


def is_cli(tools: Iterable[str]) -> bool:
    """Say whether a request comes from the CLI, by what it offers."""
    return FINAL in tools


def is_made_up(message: Mapping[str, Any]) -> bool:
    """Say whether an answer is one of the CLI's own."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else [{"text": content}]
    return message["role"] == "assistant" and [block.get("text") for block in blocks] == [MADE_UP]


def without_beginnings(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a conversation without the beginnings of answers that broke off, and what the CLI says of them."""
    cut = {at for at, message in enumerate(messages) if CUT_OFF in str(message.get("content"))}
    gone = cut | {at - 1 for at in cut if at and messages[at - 1]["role"] == "assistant"}
    return [message for at, message in enumerate(messages) if at not in gone]


def without_reminders(content: Any) -> Any:
    """Return a message without what the CLI adds of its own."""
    if not isinstance(content, list):
        return content
    return [block for block in content if not str(block.get("text", "")).lstrip().startswith(_REMINDER)]


def as_cli_calls(calls: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Return calls of Genie's tools as calls of the CLI's, which looks at a file before it lets it be changed."""
    return [said for name, given in calls for said in _translated(name, given)]


def _translated(name: str, given: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    match name:
        case "read_file":
            return [("Read", {"file_path": given["path"]})]
        case "write_file":
            return [("Read", {"file_path": given["path"]}), ("Write", {"file_path": given["path"], "content": given["content"]})]
        case "edit_file":
            change = {"old_string": given["old"], "new_string": given["new"], "file_path": given["path"]}
            return [("Read", {"file_path": given["path"]}), ("Edit", change)]
        case "list_files":
            return [("Glob", {"pattern": given.get("glob", "**/*")})]
        case "search":
            return [("Grep", {"pattern": given["pattern"]})]
        case "run_command":
            return [("Bash", {"command": given["command"], "description": "As the script says"})]
        case "final_result":
            return [(FINAL, dict(given))]
        case _:
            return [(name, dict(given))]
