"""Clients that show a server the key that it has made for its own machine."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx2


class HomeKey(httpx2.Auth):
    """Shows the key in a home, as it is there when a request is sent: the first server makes it when its database is open."""

    def __init__(self, home: Path) -> None:
        self._file = home / "key"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Add the header, unless the request has one or there is no key yet."""
        if "Authorization" not in request.headers and self.exists:
            request.headers["Authorization"] = f"Bearer {self.text}"
        yield request

    @property
    def exists(self) -> bool:
        """Whether there is one: a server without keys makes none."""
        return self._file.exists()

    @property
    def text(self) -> str:
        """The key itself."""
        return self._file.read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        """What a request shows it by."""
        return {"Authorization": f"Bearer {self.text}"}
