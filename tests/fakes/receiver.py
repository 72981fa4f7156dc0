"""A receiver of webhooks on a loopback port: it keeps every request in a file that survives it, and can fail, hang, refuse and redirect."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

Answer = int | tuple[int, dict[str, str]]
Behaviour = Callable[[dict[str, Any]], Answer]


class Receiver:
    """Answers 200 until told otherwise.

    `behave(request)` gives the status of the answer, and maybe headers; it may sleep, and is called after the request is in the log. A port
    that is given is taken again, as after a restart.
    """

    def __init__(self, log: Path, behave: Behaviour | None = None, *, port: int = 0, body: bytes = b"thank you") -> None:
        self.log = log
        self.behave: Behaviour = behave or (lambda _request: 200)
        self.body = body
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class has it so
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # whoever asked was killed

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?x=1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_given: object) -> None:
        self.close()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request that came, in the order of arrival, with the status that it was answered with once it was."""
        if not self.log.exists():
            return []
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        answers = {line["n"]: line["status"] for line in lines if "status" in line}
        return [{**line, "status": answers.get(line["n"])} for line in lines if "status" not in line]

    def taken(self) -> list[dict[str, Any]]:
        """The requests that were answered with a success."""
        return [each for each in self.requests if each["status"] is not None and each["status"] < 300]

    def until(self, count: int, *, seconds: float = 30.0) -> None:
        """Wait until so many requests came."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} requests came, not {count}"
            time.sleep(0.02)

    def hold(self) -> None:
        """Answer nobody, until told to let go."""
        self._may_answer.clear()

    def let_go(self) -> None:
        """Answer everybody who waits."""
        self._may_answer.set()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        request = {
            "at": time.time(),
            "path": handler.path,
            "headers": {k.lower(): v for k, v in handler.headers.items()},
            "raw": raw.decode(),
        }
        with self._lock:
            request["n"] = len(self.log.read_text().splitlines()) if self.log.exists() else 0
            self._write(request)
        self._may_answer.wait()
        answer = self.behave({**request, "body": json.loads(raw)})
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)
        with self._lock:
            self._write({"n": request["n"], "status": status})

    def _write(self, line: dict[str, Any]) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def ids_by_epic(requests: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    """The numbers of events that came for each epic, each at its first arrival."""
    found: dict[str, list[int]] = {}
    for request in requests:
        body = json.loads(request["raw"])
        if body["epic"] is not None and body["event"] not in found.setdefault(body["epic"]["id"], []):
            found[body["epic"]["id"]].append(body["event"])
    return found
