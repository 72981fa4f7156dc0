"""Messages of the Model Context Protocol, one request at a time, as a client sends them to a server over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

    from tests.fakes.indoors import Indoors

HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18", "Content-Type": "application/json"}


class Speaking:
    """A client that speaks to a server without a process, with a key of its own."""

    def __init__(self, indoors: Indoors, key: str | None, *, query: str = "") -> None:
        self._indoors = indoors
        self._key = key
        self._url = f"http://localhost/mcp{query}"

    def send(self, method: str, params: dict[str, Any] | None = None) -> httpx2.Response:
        """The answer to one message, as it comes over HTTP."""
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        return self._indoors.ask("POST", self._url, self._key, content=json.dumps(message), headers=HEADERS)

    def messages(self, method: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """All that the server says while it answers one message."""
        answer = self.send(method, params)
        assert answer.status_code == 200, answer.text
        return [
            json.loads(line.removeprefix("data:")) for line in answer.text.splitlines() if line.startswith("data:") and line[5:].strip()
        ]

    def result(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """What came of one message."""
        return next(message["result"] for message in self.messages(method, params) if message.get("id") == 7)

    def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """What a tool answered."""
        return self.result("tools/call", {"name": tool, "arguments": arguments})

    def said(self, tool: str, /, **arguments: Any) -> Any:
        """What a tool answered, which was no error."""
        answer = self.call(tool, **arguments)
        assert not answer.get("isError"), answer
        return json.loads(answer["content"][0]["text"])

    def refused(self, tool: str, /, **arguments: Any) -> str:
        """What a tool said of what it did not do."""
        answer = self.call(tool, **arguments)
        assert answer.get("isError"), answer
        text: str = answer["content"][0]["text"]
        return text
