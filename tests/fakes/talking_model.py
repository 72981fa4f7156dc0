"""A provider on loopback with which one can talk: it answers what it was told and how often, so that a test sees what it was sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class TalkingModel:
    """Answers each request of the Messages API in words; `bodies` has what was asked."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.go_on = threading.Event()
        """Unset, an answer to a message with the word `wait` does not come."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which Genie asks this provider."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {"ANTHROPIC_API_KEY": "not-a-real-key", "ANTHROPIC_BASE_URL": url, "GENIE_MODEL": "anthropic:claude-sonnet-4-5"}

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End, whoever still waits."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self, place: int = -1) -> list[tuple[str, str]]:
        """What a request says: who said what, in order."""
        return [(message["role"], _text(message["content"])) for message in self.bodies[place]["messages"]]

    def system(self, place: int = -1) -> str:
        """What a request tells the model first."""
        return _text(self.bodies[place].get("system", ""))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content)


def _handler_of(model: TalkingModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.bodies.append(body)
            said = _text(body["messages"][-1]["content"]).rpartition("\n")[2]
            if "wait" in said:
                model.go_on.wait(60)
            questions = sum(message["role"] == "user" for message in body["messages"])
            answer = {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": f"Answer {questions} to: {said}"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 100, "output_tokens": 20},
            }
            content = json.dumps(answer).encode()
            try:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                # Whoever asked has been stopped.
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name at http.server
            del format, args

    return Handler
