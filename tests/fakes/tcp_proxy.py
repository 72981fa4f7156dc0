"""A proxy before PostgreSQL that behaves as a bad network: it partitions, cuts, delays, and loses replies to deeds that were done."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

CHUNK = 65_536
END_S = 5.0


class _Link:
    """One connection through the proxy; `asked` says that the client has spoken since the server did."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.asked = False

    def cut(self) -> None:
        """Wake both threads, which then close their sockets."""
        for each in (self.client, self.server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class TcpProxy:
    """Passes bytes on to one server; as a context it is up inside of the block."""

    def __init__(self, database_url: str) -> None:
        """Stand before the server of this database, wherever it listens."""
        self._server_at = conninfo_to_dict(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._passing = threading.Event()
        self._passing.set()
        self._closing = False
        self._delay_s = 0.0
        self._counting = threading.Lock()
        self._loses: Callable[[int], bool] = lambda _: False
        self.replies = 0
        """How many times the server has answered."""
        self.lost = 0
        """How many answers were thrown away."""

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._passing.set()
        self.cut()
        for thread in self._threads:
            thread.join(END_S)
        self._listener.close()

    @property
    def url(self) -> str:
        """The database, through this proxy."""
        login = ":".join(quote(str(self._server_at.get(part) or ""), safe="") for part in ("user", "password"))
        return f"postgresql://{login}@127.0.0.1:{self._listener.getsockname()[1]}/{self._server_at['dbname']}"

    def partition(self) -> None:
        """Pass nothing on from now, and tell nobody: what is sent waits, as for a network that sends again and again."""
        self._passing.clear()

    def heal(self) -> None:
        """Pass everything on again, and what has waited first."""
        self._passing.set()

    def cut(self) -> None:
        """Close every connection at once."""
        for link in tuple(self._links):
            link.cut()

    def delay(self, seconds: float) -> None:
        """Let every answer come so much later."""
        self._delay_s = seconds

    def lose_replies(self, loses: Callable[[int], bool]) -> None:
        """Throw away the answers whose number (from 1) is chosen, and close the connection: the deed is done, and who asked cannot know."""
        self._loses = loses

    def _spawn(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._join, client)

    def _join(self, client: socket.socket) -> None:
        self._passing.wait()
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        self._links.add(link)
        asking = threading.Thread(target=self._ask, args=(link,), daemon=True)
        asking.start()
        if not self._closing:
            self._answer(link)
        link.cut()
        asking.join(END_S)
        self._links.discard(link)
        client.close()
        server.close()

    def _connect(self) -> socket.socket:
        host, port = str(self._server_at["host"]), int(str(self._server_at.get("port") or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(f"{host}/.s.PGSQL.{port}")
        except OSError:
            made.close()
            raise
        return made

    def _ask(self, link: _Link) -> None:
        with suppress(OSError):
            while chunk := link.client.recv(CHUNK):
                self._passing.wait()
                link.asked = True
                link.server.sendall(chunk)
        link.cut()

    def _answer(self, link: _Link) -> None:
        with suppress(OSError):
            while chunk := link.server.recv(CHUNK):
                time.sleep(self._delay_s)
                self._passing.wait()
                if link.asked:
                    link.asked = False
                    if self._is_lost():
                        return
                link.client.sendall(chunk)

    def _is_lost(self) -> bool:
        with self._counting:
            self.replies += 1
            lost = self._loses(self.replies)
            self.lost += lost
        return lost
