"""Vectors without a model: each word is hashed into a dimension, so that texts with the same words are near each other."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from epics.agent_errors import KnowledgeUnavailable

OK = 200

#: Words that mean the same here, so that a search by meaning finds what one by words cannot.
SAME = {"car": "automobile", "purchase": "buy", "forbidden": "denied"}


def hashed(text: str, dimensions: int) -> tuple[float, ...]:
    """The vector of a text, of length 1."""
    numbers = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        number = int.from_bytes(hashlib.sha256((SAME.get(word) or word).encode()).digest()[:4], "big")
        numbers[number % dimensions] += 1.0
    numbers[0] += 0.001  # A text without words has a direction too.
    length = math.sqrt(sum(number * number for number in numbers))
    return tuple(number / length for number in numbers)


class HashingEmbedder:
    """Implements `memory.port.Embedder`; `away` makes it fail, and `asked` has what it was asked for."""

    def __init__(self, dimensions: int = 64, name: str = "hashing") -> None:
        self.name = name
        self.dimensions = dimensions
        self.away = False
        self.asked: list[str] = []

    async def embed(self, texts: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        if self.away:
            raise KnowledgeUnavailable("the embedder is away")
        self.asked.extend(texts)
        return tuple(hashed(text, self.dimensions) for text in texts)


class EmbeddingsServer:
    """Speaks OpenAI's embeddings API on loopback; as a context it is up inside of the block.

    `faults` are what it answers to the next requests, one each: a status, "hang", "nonsense" or "short" (a vector too few).
    """

    def __init__(self, dimensions: int = 64, *, key: str = "") -> None:
        self.dimensions = dimensions
        self.faults: list[int | str] = []
        self.requests: list[dict[str, Any]] = []
        self._ending = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.requests.append({"path": self.path, "authorization": self.headers.get("Authorization", ""), **body})
                if key and self.headers.get("Authorization") != f"Bearer {key}":
                    self._say(401, b'{"error": {"message": "Incorrect API key provided"}}')
                    return
                self._say(*fake._answer(body))

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class has it so
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # whoever asked has gone

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="embeddings", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        texts: Sequence[str] = body["input"]
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return fault, b'{"error": {"message": "as it was told to"}}'
        if fault == "hang":
            self._ending.wait(30)
        if fault == "nonsense":
            return OK, b"<html>"
        made = [{"object": "embedding", "index": n, "embedding": hashed(text, self.dimensions)} for n, text in enumerate(texts)]
        # The API promises an index, and no order.
        made.reverse()
        if fault == "short":
            made.pop()
        return OK, json.dumps({"object": "list", "data": made, "model": body["model"], "usage": {"total_tokens": 1}}).encode()
