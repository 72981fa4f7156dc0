"""Stand-ins for the MCP servers of Slack, Linear and GitHub, with a memory: what is written through one tool, another one reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fakes.mcp_playing import Message, Playing

TEXT: Final = {"type": "string"}


def tool(name: str, about: str, *required: str, looks: bool = False) -> Message:
    """A tool that takes words."""
    schema = {"type": "object", "properties": dict.fromkeys(required, TEXT), "required": list(required), "additionalProperties": False}
    return {"name": name, "description": about, "inputSchema": schema, "annotations": {"readOnlyHint": looks}}


class Service(Playing):
    """A service with named tools, each a method."""

    tools: tuple[Message, ...] = ()

    def listed(self, params: Mapping[str, Any]) -> Message:
        """All tools on one page."""
        del params
        return {"tools": list(self.tools)}

    def called(self, name: Any, given: Mapping[str, Any]) -> Message:
        """Call a method; what is wrong is a result that says so, as these services do."""
        known = {each["name"] for each in self.tools}
        if name not in known:
            return {"error": {"code": -32602, "message": f"Unknown tool: {name}"}}
        call: Callable[..., str] = getattr(self, str(name))
        try:
            said, failed = call(**given), False
        except (KeyError, TypeError) as exc:
            said, failed = f"not found: {exc}", True
        return {"result": {"content": [{"type": "text", "text": said}], "isError": failed}}


class Slack(Service):
    """Channels and what was said in them."""

    tools = (
        tool("slack_send_message", "Send a message to a channel.", "channel", "text"),
        tool("slack_read_channel", "Read a channel.", "channel", looks=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self.channels: dict[str, list[str]] = {"C1": []}

    def slack_send_message(self, channel: str, text: str) -> str:
        self.channels[channel].append(text)
        return f"sent {len(self.channels[channel])}"

    def slack_read_channel(self, channel: str) -> str:
        return "\n".join(self.channels[channel])


class Linear(Service):
    """Issues with a state."""

    tools = (
        tool("create_issue", "Create an issue.", "title"),
        tool("update_issue", "Set the state of an issue.", "id", "state"),
        tool("list_issues", "List issues.", looks=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, list[str]] = {}

    def create_issue(self, title: str) -> str:
        key = f"GEN-{len(self.issues) + 1}"
        self.issues[key] = [title, "Todo"]
        return key

    def update_issue(self, id: str, state: str) -> str:  # noqa: A002  the service's own word
        self.issues[id][1] = state
        return f"{id} is {state}"

    def list_issues(self) -> str:
        return "\n".join(f"{key} {title}: {state}" for key, (title, state) in self.issues.items())


class GitHub(Service):
    """Pull requests and their comments."""

    tools = (
        tool("create_pull_request", "Open a pull request.", "title", "head"),
        tool("add_issue_comment", "Comment on it.", "number", "body"),
        tool("pull_request_read", "Read it with its comments.", "number", looks=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self.pulls: dict[str, list[str]] = {}

    def create_pull_request(self, title: str, head: str) -> str:
        number = str(len(self.pulls) + 1)
        self.pulls[number] = [f"{title} ({head})"]
        return number

    def add_issue_comment(self, number: str, body: str) -> str:
        self.pulls[number].append(body)
        return "commented"

    def pull_request_read(self, number: str) -> str:
        return "\n".join(self.pulls[number])
