"""A loopback server that speaks as model providers do, follows a script, and has the faults that it is told to have.

As a process: `python tests/fakes/model_server.py --port 0 --log FILE --script FILE` prints its address in its first line. The script is the
JSON of `executors.scripts.Script`, with `faults` beside `plays`. Each request is a line in the log, on disk before it is answered.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pydantic import BaseModel, ConfigDict

from executors.scripts import PlayTurn, Script
from tests.fakes import wire
from tests.fakes.playing import NothingToPlay, next_turn, workflow_of
from tests.fakes.streaming import error_event, send_events, streamed

_Hear = Callable[[dict[str, Any]], wire.Heard]
_Say = Callable[[PlayTurn, wire.Heard, int], dict[str, Any]]

PATHS: Mapping[str, tuple[_Hear, _Say]] = {
    "/v1/messages": (wire.heard_by_anthropic, wire.said_by_anthropic),
    "/v1/responses": (wire.heard_by_openai_responses, wire.said_by_openai_responses),
    "/v1/chat/completions": (wire.heard_by_openai_chat, wire.said_by_openai_chat),
}

COUNT = "/v1/messages/count_tokens"

#: A goal may bear a mark, by which its requests are told from those of others; and every brief names its attempt.
MARK = re.compile(r"\(mark ([\w.-]+)\)")
ATTEMPT = re.compile(r"This is attempt (\d+)")

ERRORS: Mapping[str, tuple[int, str, str]] = {
    "429": (429, "rate_limit_error", "too many requests"),
    "500": (500, "api_error", "internal server error"),
    "502": (502, "api_error", "bad gateway"),
    "529": (529, "overloaded_error", "overloaded"),
    "401": (401, "authentication_error", "invalid x-api-key"),
    "400": (400, "invalid_request_error", "this field is not right"),
    "too_long": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
}


class Fault(BaseModel):
    """Something that goes wrong: for the first `times` requests that fit."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    """One of the errors above, or: drop (the connection, in the middle of the answer), hang, nonsense (no JSON), empty (no content),
    pause (in the middle of a stream), break_off (of a stream, by an event that says so)."""
    times: int = 1
    workflow: str = ""
    model: str = ""
    answers: int | None = None
    """Only for the request after so many answers."""
    retry_after_s: float | None = None
    seconds: float = 0.0
    """How long the answer takes, or a hang."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back: a status, headers, a body or the events of a stream; `broken` closes the connection in the middle of it."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    broken: bool = False
    events: tuple[bytes, ...] = ()
    pause_s: float = 0.0


class ModelServer:
    """The server; as a context it is up inside of the block."""

    def __init__(self, script: Script, *, faults: Sequence[Fault] = (), log: Path | None = None, port: int = 0) -> None:
        self._script = script
        self._faults = list(faults)
        self._log = log
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._http.daemon_threads = True
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The address, for ANTHROPIC_BASE_URL; OPENAI_BASE_URL wants `/v1` after it."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Serve in this thread until the process ends."""
        self._http.serve_forever()

    def answered(self, workflow: str = "") -> int:
        """Return how many answers were sold, of one workflow or of all."""
        return sum(request["sold"] and workflow in {"", request["workflow"]} for request in self.requests)

    @property
    def cost_usd(self) -> Decimal:
        """What was sold, at the prices of the script."""
        return sum((Decimal(request["cost_usd"]) for request in self.requests), Decimal(0))

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the end of the server."""
        self._closing.wait(seconds)

    def reply(self, path: str, body: dict[str, Any]) -> Reply:
        """Answer one request, after it is in the log."""
        if path == COUNT:
            counted = {"input_tokens": len(json.dumps(body)) // 4}
            return Reply(status=200, body=json.dumps(counted).encode(), headers={"content-type": "application/json"})
        if path not in PATHS:
            return _error(404, "not_found_error", f"there is nothing at {path}", {})
        hear, say = PATHS[path]
        heard = hear(body)
        with self._lock:
            number = len(self.requests) + 1
            fault = self._fault_for(heard)
            reply, sold = self._made(fault, heard, say, body)
            self._write_down(number, path, heard, reply, fault, body, sold=sold)
        if fault is not None and fault.seconds and fault.kind != "pause":
            self._closing.wait(fault.seconds)
        elif self._script.pause_s:
            time.sleep(self._script.pause_s)
        return reply

    def _fault_for(self, heard: wire.Heard) -> Fault | None:
        for fault in self._faults:
            fits = fault.workflow in {"", workflow_of(heard.prompt)} and fault.model in {"", heard.model}
            if fault.times > 0 and fits and fault.answers in {None, heard.answers}:
                fault.times -= 1
                return fault
        return None

    def _made(self, fault: Fault | None, heard: wire.Heard, say: _Say, asked: dict[str, Any]) -> tuple[Reply, PlayTurn | None]:
        if fault is not None and fault.kind in ERRORS:
            extra = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
            return _error(*ERRORS[fault.kind], extra), None
        if fault is not None and fault.kind == "nonsense":
            return Reply(status=200, body=b"<html>It works!</html>", headers={"content-type": "text/html"}), PlayTurn.model_construct()
        try:
            turn = next_turn(self._script, heard.prompt, heard.answers, heard.results)
        except NothingToPlay as exc:
            return _error(400, "invalid_request_error", str(exc), {}), None
        if fault is not None and fault.kind == "empty":
            turn = PlayTurn.model_construct(say="", input_tokens=10, output_tokens=0)
        message = say(turn, heard, heard.answers + 1)
        broken = fault is not None and fault.kind == "drop"
        if asked.get("stream") and say is wire.said_by_anthropic:
            return _stream(message, fault, broken=broken), turn
        return Reply(status=200, body=json.dumps(message).encode(), headers={"content-type": "application/json"}, broken=broken), turn

    def _write_down(
        self, number: int, path: str, heard: wire.Heard, reply: Reply, fault: Fault | None, body: dict[str, Any], *, sold: PlayTurn | None
    ) -> None:
        prices = (self._script.input_usd_per_million, self._script.output_usd_per_million)
        tokens = (sold.input_tokens, sold.output_tokens) if sold is not None else (0, 0)
        line = {
            "n": number,
            "path": path,
            "workflow": workflow_of(heard.prompt),
            "model": heard.model,
            "answers": heard.answers,
            "at": time.time(),
            "mark": _found(MARK, heard.prompt),
            "attempt": int(_found(ATTEMPT, heard.prompt) or 0),
            "max_tokens": heard.max_tokens,
            "tools": list(heard.tools),
            "status": reply.status,
            "fault": fault.kind if fault is not None else None,
            "sold": sold is not None,
            "cost_usd": format(sum(price * count for price, count in zip(prices, tokens, strict=True)) / 1_000_000, "f"),
        }
        self.requests.append(line)
        self.bodies.append(body)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())


def _found(pattern: re.Pattern[str], text: str) -> str:
    return found[1] if (found := pattern.search(text)) else ""


def _error(status: int, kind: str, message: str, headers: Mapping[str, str]) -> Reply:
    body = {"type": "error", "error": {"type": kind, "message": message, "code": kind, "param": None}}
    return Reply(status=status, body=json.dumps(body).encode(), headers={"content-type": "application/json", **headers})


def _stream(message: dict[str, Any], fault: Fault | None, *, broken: bool) -> Reply:
    events = streamed(message)
    if fault is not None and fault.kind == "break_off":
        events = (*events[: len(events) // 2], error_event("overloaded_error", "overloaded"))
    pause = fault.seconds if fault is not None and fault.kind == "pause" else 0.0
    return Reply(status=200, body=b"", headers={"content-type": "text/event-stream"}, broken=broken, events=events, pause_s=pause)


def _handler_of(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(Reply(status=200, body=b"{}", headers={"content-type": "application/json"}))

        do_HEAD = do_GET  # noqa: N815  (the names are those of http.server)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
            path = self.path.partition("?")[0]
            server.headers.append(dict(self.headers))
            self._send(server.reply(path, body))

        def _send(self, reply: Reply) -> None:
            try:
                if reply.events:
                    send_events(self, reply.events, reply.headers, broken=reply.broken, pause=lambda: server.wait(reply.pause_s))
                    return
                self.send_response(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body[: len(reply.body) // 2] if reply.broken else reply.body)
                    self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            if reply.broken:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name at http.server)
            del format, args

    return Handler


def read_script(path: Path) -> tuple[Script, list[Fault]]:
    """Read a script with its faults."""
    data = json.loads(path.read_text(encoding="utf-8"))
    faults = [Fault.model_validate(fault) for fault in data.pop("faults", [])]
    return Script.model_validate(data), faults


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A fake of the servers of model providers.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--script", type=Path, required=True)
    given = parser.parse_args()
    script, faults = read_script(given.script)
    server = ModelServer(script, faults=faults, log=given.log, port=given.port)
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
