"""A small web on a loopback port: pages, redirects, a search engine that knows its pages; it remembers what it was asked."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a path answers."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


class WebServer:
    """Serves `pages`; `/search` finds those whose text has a word of the query, as SearXNG tells it, or as Brave where `like` says so."""

    def __init__(self) -> None:
        self.pages: dict[str, Served] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.like = "searxng"
        self._closing = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web._answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class has it so
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # whoever asked has gone

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_given: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self, path: str, text: str, **more: object) -> None:
        """Have a page."""
        self.pages[path] = Served(body=text.encode(), **more)  # type: ignore[arg-type]

    def packed(self, path: str, body: bytes) -> None:
        """Have a page that is sent packed, whatever was asked for."""
        self.pages[path] = Served(body=gzip.compress(body), kind="text/plain", headers={"content-encoding": "gzip"})

    def _answer(self, asked: BaseHTTPRequestHandler) -> None:
        split = urlsplit(asked.path)
        self.asked.append((asked.path, {name.lower(): value for name, value in asked.headers.items()}))
        if split.path == "/search" and split.path not in self.pages:
            served = Served(body=self._found(parse_qs(split.query)["q"][0]), kind="application/json")
        else:
            served = self.pages.get(split.path, Served(body=b"gone", status=404))
        if served.hangs:
            self._closing.wait(20)
            return
        asked.send_response(served.status)
        for name, value in {"content-type": served.kind, "content-length": str(len(served.body)), **served.headers}.items():
            asked.send_header(name, value)
        asked.end_headers()
        asked.wfile.write(served.body)

    def _found(self, query: str) -> bytes:
        words = set(query.lower().split())
        texts = {path: page.body.decode("utf-8", "replace") for path, page in self.pages.items()}
        found = [(path, text) for path, text in texts.items() if words & set(text.lower().split())]
        if self.like == "brave":
            results = [{"title": path, "url": self.url + path, "description": text} for path, text in found]
            return json.dumps({"web": {"results": results}}).encode()
        results = [{"title": path, "url": self.url + path, "content": text} for path, text in found]
        return json.dumps({"query": query, "results": results}).encode()
